// HTTP requests over libcurl, on connections that are kept.
//
// Each request has a connection of its own while it runs; afterwards the connection waits for the
// next request to the same server, so that a known server costs no new handshake.  HTTP/2 is used
// where TLS offers it.
//
// Thread-safety: every method may be called from any thread; a request blocks its thread on the
// network and calls the reader and the meter there.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/result.h"
#include "cache/curl_handle.h"
#include "cache/http_credentials.h"
#include "cache/http_settings.h"
#include "cache/transfer_meter.h"
#include "cache/wire_response.h"

namespace reposfs {

struct UpstreamRequest {
  std::string url;
  std::optional<std::string_view> body;  // With one it is a POST, else a GET.
  std::string request_type;              // The type of the body.
  std::string answer_type;               // The one that may be read.
  const HttpSettings& settings;
  std::optional<HttpCredential> credential;
};

struct HttpAnswer {
  long status = 0;
  // Whether the answer had status 200 and the right type, so that the reader was given it.
  bool read = false;
  std::optional<Error> failure;  // Of the reader, which has ended the request.
  std::string type;
  std::string location;                 // Where a redirect leads.
  std::chrono::seconds retry_after{0};  // It asks to be left alone for so long.
  std::chrono::seconds age{0};          // Its header Age: it was made so long ago.
  std::string text;  // The beginning of an answer that was not read, if it is plain text.
};

class HttpClient {
 public:
  HttpClient();
  ~HttpClient();

  // Redirects are not followed: they come back as any other answer.
  // Errors: those of `meter`; kUnreachable, kTimedOut.  That the answer is no good for `reader`, or
  // ends before it is complete, is no Error here.
  Result<HttpAnswer> Perform(const UpstreamRequest& request, WireReader& reader,
                             TransferMeter& meter) REPOSFS_EXCLUDES(mutex_);

 private:
  class Session;
  struct Idle {
    std::string origin;
    std::unique_ptr<Session> session;
  };

  std::unique_ptr<Session> TakeSession(std::string_view origin) REPOSFS_EXCLUDES(mutex_);
  void KeepSession(std::string_view origin, std::unique_ptr<Session> session)
      REPOSFS_EXCLUDES(mutex_);

  const CurlLibrary library_;

  Mutex mutex_;                                       // A leaf lock.
  std::deque<Idle> idle_ REPOSFS_GUARDED_BY(mutex_);  // The most recently used last.
};

}  // namespace reposfs
