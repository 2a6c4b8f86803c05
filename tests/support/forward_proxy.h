// tinyproxy, an HTTP proxy on the loopback interface, which also opens tunnels (CONNECT).
//
// Thread-safety: none, but requests may come while any method runs.
#pragma once

#include <cstdint>
#include <string>

#include "tests/support/command.h"
#include "tests/support/temp_dir.h"

namespace reposfs::testing {

class ForwardProxy {
 public:
  // Opens tunnels to `tunnel_port` only.  `account` is a "user:password" without which it serves
  // nobody; empty: it serves everybody.
  explicit ForwardProxy(std::uint16_t tunnel_port, const std::string& account = "");
  ~ForwardProxy();

  // Like "127.0.0.1:8888".
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  // What it was asked, as its log tells it.
  std::string Log() const;

 private:
  TempDir directory_{"proxy"};
  std::uint16_t port_;
  ChildProcess server_;
};

}  // namespace reposfs::testing
