// The Transport that runs the `git` command: any protocol, any server, a few processes each time.
#pragma once

#include "cache/options.h"
#include "cache/transport.h"

namespace reposfs {

class GitTransport final : public Transport {
 public:
  explicit GitTransport(FetchOptions limits) : limits_(limits) {}

  Result<RefSnapshot> ListRefs(const Source& source,
                               const std::function<Status()>& keep_going) override;
  Status Fetch(const FetchRequest& request) override;

 private:
  const FetchOptions limits_;
};

// Understands the lines that `git fetch --progress` writes, in pieces of any size.
class FetchProgressParser {
 public:
  void Add(std::string_view errors);

  // received_bytes stays 0: git rounds it too much to be of use.
  const FetchProgress& progress() const { return progress_; }

 private:
  void ParseLine(std::string_view line);

  std::string rest_;
  FetchProgress progress_;
};

}  // namespace reposfs
