#include "tests/support/forward_proxy.h"

#include <gtest/gtest.h>

#include <chrono>
#include <sstream>

#include "tests/support/files.h"
#include "tests/support/tcp_server.h"

namespace reposfs::testing {

ForwardProxy::ForwardProxy(std::uint16_t tunnel_port, const std::string& account)
    : port_(FreePort()) {
  std::ostringstream text;
  text << "Port " << port_ << "\nListen 127.0.0.1\nAllow 127.0.0.1\nTimeout 60\nMaxClients 50\n"
       << "LogFile \"" << (directory_ / "log").string() << "\"\nLogLevel Connect\n"
       << "ConnectPort " << tunnel_port << "\n";
  if (!account.empty()) {
    const std::size_t colon = account.find(':');
    text << "BasicAuth " << account.substr(0, colon) << " " << account.substr(colon + 1) << "\n";
  }
  WriteFile(directory_ / "tinyproxy.conf", text.str());
  server_ = ChildProcess::Start({"tinyproxy", "-d", "-c", (directory_ / "tinyproxy.conf").string()},
                                directory_ / "output");
  const bool listening =
      WaitUntil([&] { return !server_.running() || Listens(port_); }, std::chrono::seconds(20));
  if (!listening || !server_.running()) {
    ADD_FAILURE() << "tinyproxy did not start: " << ReadFile(directory_ / "output") << Log();
  }
}

ForwardProxy::~ForwardProxy() {
  server_.Kill();
}

std::string ForwardProxy::Log() const {
  return ReadFile(directory_ / "log");
}

}  // namespace reposfs::testing
