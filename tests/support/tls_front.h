// nginx, which speaks https in front of another server on the loopback interface, HTTP/2 with who
// can.
//
// Thread-safety: none, but requests may come while any method runs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/certificates.h"
#include "tests/support/command.h"
#include "tests/support/temp_dir.h"

namespace reposfs::testing {

struct TlsFrontOptions {
  // Where the requests go, an URL without a path.
  std::string behind;
  Certificate certificate;
  // Who has no certificate of this authority is refused; empty: nobody is asked for one.
  std::filesystem::path client_authority = {};
  bool http2 = true;
};

// One request as nginx has answered it.
struct FrontRequest {
  std::string protocol;  // Like "HTTP/2.0".
  std::string status;
  std::string client;       // Whom the client's certificate names; "-" without one.
  std::string credentials;  // The header Authorization; "-" without one.
  std::string target;
};

class TlsFront {
 public:
  // Starts at once, and ends at destruction.
  explicit TlsFront(const TlsFrontOptions& options);
  ~TlsFront();

  std::uint16_t port() const { return port_; }
  // `path` without a slash at its beginning.
  std::string Url(std::string_view path) const;

  // Everything answered so far.
  std::vector<FrontRequest> Requests() const;
  // Waits until there are `count` of them: a client may be served before nginx has noted it.
  std::vector<FrontRequest> WaitForRequests(std::size_t count) const;

 private:
  void WriteConfiguration(const TlsFrontOptions& options) const;

  TempDir directory_{"front"};
  std::uint16_t port_;
  ChildProcess server_;
};

}  // namespace reposfs::testing
