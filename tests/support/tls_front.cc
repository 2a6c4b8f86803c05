#include "tests/support/tls_front.h"

#include <gtest/gtest.h>

#include <chrono>
#include <sstream>

#include "tests/support/files.h"
#include "tests/support/tcp_server.h"

namespace reposfs::testing {

TlsFront::TlsFront(const TlsFrontOptions& options) : port_(FreePort()) {
  WriteConfiguration(options);
  server_ = ChildProcess::Start(
      {"/usr/sbin/nginx", "-p", directory_.path().string(), "-e", (directory_ / "errors").string(),
       "-c", (directory_ / "nginx.conf").string()},
      directory_ / "nginx.log");
  const bool listening =
      WaitUntil([&] { return !server_.running() || Listens(port_); }, std::chrono::seconds(20));
  if (!listening || !server_.running()) {
    ADD_FAILURE() << "nginx did not start: " << ReadFile(directory_ / "nginx.log")
                  << ReadFile(directory_ / "errors");
  }
}

TlsFront::~TlsFront() {
  server_.Kill();
}

std::string TlsFront::Url(std::string_view path) const {
  return "https://127.0.0.1:" + std::to_string(port_) + "/" + std::string(path);
}

std::vector<FrontRequest> TlsFront::Requests() const {
  std::vector<FrontRequest> requests;
  std::istringstream lines(ReadFile(directory_ / "requests"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    FrontRequest& request = requests.emplace_back();
    std::getline(words, request.protocol, '|');
    std::getline(words, request.status, '|');
    std::getline(words, request.client, '|');
    std::getline(words, request.credentials, '|');
    std::getline(words, request.target, '|');
  }
  return requests;
}

std::vector<FrontRequest> TlsFront::WaitForRequests(std::size_t count) const {
  const bool came = WaitUntil([&] { return Requests().size() >= count; }, std::chrono::seconds(10));
  EXPECT_TRUE(came) << "nginx has answered " << Requests().size() << " requests";
  return Requests();
}

void TlsFront::WriteConfiguration(const TlsFrontOptions& options) const {
  const std::string directory = directory_.path().string();
  std::ostringstream text;
  text << "daemon off; master_process off; pid " << directory << "/pid;\n"
       << "events { worker_connections 256; }\n"
       << "http {\n"
       << "log_format asked '$server_protocol|$status|$ssl_client_s_dn|$http_authorization|"
          "$request_uri';\n"
       << "access_log " << directory << "/requests asked;\n"
       << "client_body_temp_path " << directory << "/body; proxy_temp_path " << directory
       << "/proxy; fastcgi_temp_path " << directory << "/fastcgi; uwsgi_temp_path " << directory
       << "/uwsgi; scgi_temp_path " << directory << "/scgi;\n"
       << "server {\n"
       << "listen 127.0.0.1:" << port_ << " ssl" << (options.http2 ? " http2" : "") << ";\n"
       << "ssl_certificate " << options.certificate.certificate.string() << ";\n"
       << "ssl_certificate_key " << options.certificate.key.string() << ";\n";
  if (!options.client_authority.empty()) {
    text << "ssl_client_certificate " << options.client_authority.string()
         << "; ssl_verify_client on;\n";
  }
  text << "client_max_body_size 0; proxy_buffering off;\n"
       << "location / { proxy_pass " << options.behind << "; }\n"
       << "} }\n";
  WriteFile(directory_ / "nginx.conf", text.str());
}

}  // namespace reposfs::testing
