#include "cache/http_client.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <utility>

#include "base/text.h"
#include "cache/git_command.h"

namespace reposfs {
namespace {

constexpr std::size_t kIdleCountMax = 64;
constexpr std::size_t kHeadersMaxBytes = 256u << 10;
constexpr std::size_t kTextMaxBytes = 1024;
constexpr std::size_t kUnreadMaxBytes = 1u << 20;
constexpr long kReceiveBufferBytes = 512l << 10;
constexpr long kConnectTimeoutMs = 10'000;
constexpr int kWakeEveryMs = 40;
constexpr long kStatusOk = 200;
constexpr long kStatusUnauthorized = 401;
constexpr long kStatusProxyUnauthorized = 407;

void Append(CurlHeaders& headers, const std::string& line) {
  headers.reset(curl_slist_append(headers.release(), line.c_str()));
}

CurlHeaders HeadersOf(const UpstreamRequest& request) {
  CurlHeaders headers;
  Append(headers, "Git-Protocol: version=2");
  Append(headers, "Accept: " + request.answer_type);
  if (request.body) {
    Append(headers, "Content-Type: " + request.request_type);
    // Nobody shall wait for the server's word before it sends.
    Append(headers, "Expect:");
  }
  for (const std::string& header : request.settings.extra_headers) Append(headers, header);
  return headers;
}

// A number of seconds (RFC 9111, section 5.1); 0 if it is no such number.
std::chrono::seconds AgeOf(std::string_view text) {
  constexpr std::uint32_t kAgeMaxS = 10u * 365 * 24 * 3600;
  std::uint32_t age_s = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), age_s);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return {};
  return std::chrono::seconds(std::min(age_s, kAgeMaxS));
}

// The code of a transfer that libcurl ended.
Errc ErrcOf(CURLcode code) {
  if (code == CURLE_OPERATION_TIMEDOUT) return Errc::kTimedOut;
  // Our own certificate or its key can't be used.
  return code == CURLE_SSL_CERTPROBLEM ? Errc::kAccessDenied : Errc::kUnreachable;
}

}  // namespace

// One connection, or the place for one, and the request that uses it.
class HttpClient::Session {
 public:
  Result<HttpAnswer> Perform(const UpstreamRequest& request, WireReader& reader,
                             TransferMeter& meter) {
    reader_ = &reader;
    meter_ = &meter;
    answer_ = HttpAnswer();
    header_bytes_ = 0;
    unread_bytes_ = 0;
    answer_type_ = request.answer_type;
    const CurlHeaders headers = HeadersOf(request);
    Prepare(request, headers.get());
    auto code = Run();
    curl_easy_reset(easy_.get());
    if (!code) return std::move(code).error();
    // Without a failure it was ended by ourselves: the reader has all it wants, or never wanted it.
    if (*code != CURLE_OK && *code != CURLE_WRITE_ERROR) return CurlError(*code);
    return std::move(answer_);
  }

 private:
  void Prepare(const UpstreamRequest& request, curl_slist* headers) {
    CURL* easy = easy_.get();
    error_text_[0] = '\0';
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0l);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1l);
    // A name that can't be resolved must not hold up whoever gives up.
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1l);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kReceiveBufferBytes);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_text_.data());
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Session::OnHeader);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Session::OnBody);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
    if (request.body) {
      curl_easy_setopt(easy, CURLOPT_POST, 1l);
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(request.body->size()));
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body->data());
    }
    Apply(request.settings);
    curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_OPTIONAL));
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, auth_);
    if (request.credential) {
      curl_easy_setopt(easy, CURLOPT_USERNAME, request.credential->user.c_str());
      curl_easy_setopt(easy, CURLOPT_PASSWORD, request.credential->password.c_str());
      curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    }
  }

  void Apply(const HttpSettings& settings) {
    CURL* easy = easy_.get();
    const auto set = [easy](CURLoption option, const std::string& value) {
      if (!value.empty()) curl_easy_setopt(easy, option, value.c_str());
    };
    const std::string agent(kWireAgent);
    curl_easy_setopt(easy, CURLOPT_USERAGENT,
                     settings.user_agent.empty() ? agent.c_str() : settings.user_agent.c_str());
    if (settings.proxy) curl_easy_setopt(easy, CURLOPT_PROXY, settings.proxy->c_str());
    // By the one method that needs no question first, if the user names it.
    const bool basic = AsciiLower(settings.proxy_auth_method) == "basic";
    curl_easy_setopt(easy, CURLOPT_PROXYAUTH, basic ? CURLAUTH_BASIC : CURLAUTH_ANY);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, settings.verify ? 1l : 0l);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, settings.verify ? 2l : 0l);
    set(CURLOPT_CAINFO, settings.ca_file);
    set(CURLOPT_CAPATH, settings.ca_directory);
    set(CURLOPT_SSLCERT, settings.certificate);
    set(CURLOPT_SSLKEY, settings.key);
    // Else OpenSSL asks for it at the terminal, and waits.
    curl_easy_setopt(easy, CURLOPT_KEYPASSWD, "");
    if (settings.bytes_per_second_max != 0) {
      curl_easy_setopt(easy, CURLOPT_MAX_RECV_SPEED_LARGE,
                       static_cast<curl_off_t>(settings.bytes_per_second_max));
    }
    const bool version1 = settings.version == "HTTP/1.1";
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     static_cast<long>(version1 ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
  }

  // Drives the transfer, and asks the meter all the while whether to go on.
  Result<CURLcode> Run() {
    CURLM* multi = multi_.get();
    curl_multi_add_handle(multi, easy_.get());
    Status going;
    int running = 1;
    while (going && running > 0) {
      CURLMcode code = curl_multi_perform(multi, &running);
      if (code == CURLM_OK && running > 0) {
        code = curl_multi_poll(multi, nullptr, 0, kWakeEveryMs, nullptr);
      }
      going = code == CURLM_OK ? meter_->WhileWaiting()
                               : Status(Error{Errc::kIo, curl_multi_strerror(code)});
    }
    CURLcode result = CURLE_RECV_ERROR;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg == CURLMSG_DONE) result = message->data.result;
    }
    ReadHeaders();
    LearnAuthentication();
    curl_multi_remove_handle(multi, easy_.get());
    if (running > 0 && !going) return std::move(going).error();
    return result;
  }

  // A server that knows but one way to say who one is can be told at once, unasked.
  void LearnAuthentication() {
    long offered = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_HTTPAUTH_AVAIL, &offered);
    if (offered != 0) auth_ = offered == CURLAUTH_BASIC ? CURLAUTH_BASIC : CURLAUTH_ANY;
  }

  void ReadHeaders() {
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &answer_.status);
    curl_easy_getinfo(easy_.get(), CURLINFO_HTTP_CONNECTCODE, &tunnel_status_);
    answer_.type = Header("content-type");
    answer_.type.erase(std::min(answer_.type.find(';'), answer_.type.size()));
    answer_.read = answer_.status == kStatusOk && answer_.type == answer_type_;
    answer_.location = Header("location");
    curl_off_t seconds = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RETRY_AFTER, &seconds);
    answer_.retry_after = std::chrono::seconds(seconds);
    answer_.age = AgeOf(Header("age"));
  }

  std::string Header(const char* name) {
    curl_header* header = nullptr;
    if (curl_easy_header(easy_.get(), name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) return {};
    return Printable(header->value);
  }

  Error CurlError(CURLcode code) const {
    // Some proxies say the one, some the other.
    if (tunnel_status_ == kStatusUnauthorized || tunnel_status_ == kStatusProxyUnauthorized) {
      return Error{Errc::kAccessDenied, "the proxy refuses access (HTTP status " +
                                            std::to_string(tunnel_status_) +
                                            "); check the user and password in http.proxy"};
    }
    const std::string text = error_text_[0] != '\0' ? error_text_.data() : curl_easy_strerror(code);
    return Error{ErrcOf(code), Printable(text) + AdviceOn(text)};
  }

  static std::size_t OnHeader(char*, std::size_t size, std::size_t count, void* user) noexcept {
    auto* session = static_cast<Session*>(user);
    session->header_bytes_ += size * count;
    session->meter_->Arrived();
    return session->header_bytes_ <= kHeadersMaxBytes ? size * count : 0;
  }

  static std::size_t OnBody(char* data, std::size_t size, std::size_t count, void* user) noexcept {
    auto* session = static_cast<Session*>(user);
    return session->AddBody(std::string_view(data, size * count)) ? size * count : 0;
  }

  // False ends the transfer.
  bool AddBody(std::string_view bytes) {
    meter_->Arrived();
    if (!answer_.read) {
      ReadHeaders();
    }
    Status going = meter_->WhileWaiting();
    if (going && answer_.read) {
      if (reader_->complete()) return false;
      going = reader_->Add(bytes);
      meter_->Arrived();
    } else if (!answer_.read) {
      unread_bytes_ += bytes.size();
      if (unread_bytes_ > kUnreadMaxBytes) return false;
      if (answer_.type.starts_with("text/plain") && answer_.text.size() < kTextMaxBytes) {
        answer_.text += bytes.substr(0, kTextMaxBytes - answer_.text.size());
      }
    }
    if (going) return true;
    answer_.failure = std::move(going).error();
    return false;
  }

  // The easy handle is destroyed first: it is never part of the multi handle between requests.
  CurlMultiHandle multi_{curl_multi_init()};
  CurlHandle easy_{curl_easy_init()};
  std::array<char, CURL_ERROR_SIZE> error_text_{};
  unsigned long auth_ = CURLAUTH_ANY;

  // Of the request that runs.
  WireReader* reader_ = nullptr;
  TransferMeter* meter_ = nullptr;
  std::string answer_type_;
  HttpAnswer answer_;
  long tunnel_status_ = 0;  // What a proxy says to CONNECT.
  std::size_t header_bytes_ = 0;
  std::size_t unread_bytes_ = 0;
};

HttpClient::HttpClient() = default;
HttpClient::~HttpClient() = default;

Result<HttpAnswer> HttpClient::Perform(const UpstreamRequest& request, WireReader& reader,
                                       TransferMeter& meter) {
  const std::string_view origin = OriginOf(request.url);
  auto session = TakeSession(origin);
  auto answer = session->Perform(request, reader, meter);
  if (answer) KeepSession(origin, std::move(session));
  return answer;
}

std::unique_ptr<HttpClient::Session> HttpClient::TakeSession(std::string_view origin) {
  {
    MutexLock lock(mutex_);
    const auto found = std::find_if(idle_.rbegin(), idle_.rend(),
                                    [&](const Idle& idle) { return idle.origin == origin; });
    if (found != idle_.rend()) {
      auto session = std::move(found->session);
      idle_.erase(std::next(found).base());
      return session;
    }
  }
  return std::make_unique<Session>();
}

void HttpClient::KeepSession(std::string_view origin, std::unique_ptr<Session> session) {
  Idle oldest;  // Closes its connection after the lock is gone.
  MutexLock lock(mutex_);
  idle_.push_back(Idle{std::string(origin), std::move(session)});
  if (idle_.size() <= kIdleCountMax) return;
  oldest = std::move(idle_.front());
  idle_.pop_front();
}

}  // namespace reposfs
