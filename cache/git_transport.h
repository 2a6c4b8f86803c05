// The Transport that runs the `git` command: any protocol, any server, a few processes each time.
#pragma once

#include "cache/options.h"
#include "cache/transport.h"

namespace reposfs {

class GitTransport final : public Transport {
 public:
  explicit GitTransport(FetchOptions limits) : limits_(limits) {}

  Result<ListedRefs> ListRefs(const Source& source,
                              const std::function<Status()>& keep_going) override;
  Status Fetch(const FetchRequest& request) override;

 private:
  const FetchOptions limits_;
};

}  // namespace reposfs
