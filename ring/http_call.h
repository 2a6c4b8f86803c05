// One HTTP exchange with another machine of the cluster: blocking, bounded, with a deadline.
//
// etcd's gateway and the health of peers are asked this way.  It is no client for git hosts: it
// follows no redirects, uses no proxy, and reads nobody's configuration.
//
// Thread-safety: an HttpCaller serves one thread at a time; only Stop() may be called from any.
#pragma once

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"

namespace reposfs {

// Files in PEM; empty ones are not used, and the machine's authorities are trusted without a CA.
struct HttpTlsOptions {
  std::filesystem::path ca_file;
  std::filesystem::path certificate_file;
  std::filesystem::path key_file;
};

struct HttpCall {
  std::string url;                   // http or https.
  std::string body;                  // With one it is a POST, else a GET.
  std::vector<std::string> headers;  // "Name: value".
  std::string username;              // Not empty: Basic authentication.
  std::string password;
  Deadline deadline;
  // If set, the body must have begun by then.
  std::optional<Deadline> begun_by;
  std::size_t answer_size_bytes_max = 1u << 20;
  // If set, it is given the body of an answer of status 200 as it comes, which is then neither kept
  // nor bounded in all; false ends the call.
  std::function<bool(std::string_view)> on_bytes;
};

struct HttpCallAnswer {
  long status = 0;
  std::string type;  // "application/json", without parameters.
  std::string body;
};

class HttpCaller {
 public:
  explicit HttpCaller(HttpTlsOptions tls);
  ~HttpCaller();
  HttpCaller(const HttpCaller&) = delete;
  HttpCaller& operator=(const HttpCaller&) = delete;

  // Any status is an answer.  The connection is kept for the next call to the same server.
  //
  // Errors: kUnreachable if there is no answer, or one that is too large; kTimedOut; kInterrupted
  // after Stop().
  Result<HttpCallAnswer> Perform(const HttpCall& call);

  // Ends the call that runs, and every later one, with kInterrupted.
  void Stop();

 private:
  class Exchange;

  const HttpTlsOptions tls_;
  // Set once, and looked at again after each wake-up; the order of nothing else depends on it.
  std::atomic<bool> stopped_{false};
  const std::unique_ptr<Exchange> exchange_;
};

}  // namespace reposfs
