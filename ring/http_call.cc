#include "ring/http_call.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

namespace reposfs {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kHeadersMaxBytes = 64u << 10;
constexpr long kStatusOk = 200;
// How long a wait lasts at most before the deadline is looked at again.
constexpr milliseconds kLookEvery{1'000};

struct CurlFree {
  void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
struct CurlMultiFree {
  void operator()(CURLM* handle) const noexcept { curl_multi_cleanup(handle); }
};
using EasyHandle = std::unique_ptr<CURL, CurlFree>;
using MultiHandle = std::unique_ptr<CURLM, CurlMultiFree>;
using HeaderList = std::unique_ptr<curl_slist, CurlFree>;

// libcurl counts its users, so that each may begin and end it.
struct CurlUse {
  CurlUse() { curl_global_init(CURL_GLOBAL_DEFAULT); }
  ~CurlUse() { curl_global_cleanup(); }
  CurlUse(const CurlUse&) = delete;
  CurlUse& operator=(const CurlUse&) = delete;
};

void SetText(CURL* easy, CURLoption option, const std::string& value) {
  if (!value.empty()) curl_easy_setopt(easy, option, value.c_str());
}

}  // namespace

// The handles, and what is read during a call.
class HttpCaller::Exchange {
 public:
  Result<HttpCallAnswer> Perform(const HttpCall& call, const HttpTlsOptions& tls,
                                 const std::atomic<bool>& stopped) {
    call_ = &call;
    answer_ = HttpCallAnswer();
    header_bytes_ = 0;
    error_text_[0] = '\0';
    begun_ = too_large_ = ended_ = false;
    HeaderList headers;
    for (const std::string& header : call.headers) {
      headers.reset(curl_slist_append(headers.release(), header.c_str()));
    }
    // Nobody shall wait for the server's word before it sends.
    headers.reset(curl_slist_append(headers.release(), "Expect:"));
    Prepare(tls, headers.get());
    auto code = Run(stopped);
    curl_easy_reset(easy_.get());
    if (!code) return std::move(code).error();
    if (too_large_) {
      return Error{Errc::kUnreachable, "the answer is larger than " +
                                           std::to_string(call.answer_size_bytes_max) + " bytes"};
    }
    if (*code != CURLE_OK && !ended_) return CurlError(*code);
    return std::move(answer_);
  }

  void Wake() { curl_multi_wakeup(multi_.get()); }

 private:
  void Prepare(const HttpTlsOptions& tls, curl_slist* headers) {
    CURL* easy = easy_.get();
    curl_easy_setopt(easy, CURLOPT_URL, call_->url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0l);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1l);
    // A name that can't be resolved must not hold up whoever gives up.
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1l);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1l);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_text_.data());
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Exchange::OnHeader);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Exchange::OnBody);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
    if (!call_->body.empty()) {
      curl_easy_setopt(easy, CURLOPT_POST, 1l);
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(call_->body.size()));
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call_->body.data());
    }
    if (!call_->username.empty()) {
      curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
      curl_easy_setopt(easy, CURLOPT_USERNAME, call_->username.c_str());
      curl_easy_setopt(easy, CURLOPT_PASSWORD, call_->password.c_str());
    }
    SetText(easy, CURLOPT_CAINFO, tls.ca_file);
    SetText(easy, CURLOPT_SSLCERT, tls.certificate_file);
    SetText(easy, CURLOPT_SSLKEY, tls.key_file);
  }

  Result<CURLcode> Run(const std::atomic<bool>& stopped) {
    CURLM* multi = multi_.get();
    curl_multi_add_handle(multi, easy_.get());
    auto code = Drive(stopped);
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &answer_.status);
    ReadType();
    curl_multi_remove_handle(multi, easy_.get());
    return code;
  }

  Result<CURLcode> Drive(const std::atomic<bool>& stopped) {
    int running = 1;
    while (running > 0) {
      if (stopped) return Error{Errc::kInterrupted, "the program is stopping"};
      const milliseconds left = TimeLeft(NextDeadline());
      if (left == milliseconds(0)) return Error{Errc::kTimedOut, "no answer in time"};
      CURLMcode code = curl_multi_perform(multi_.get(), &running);
      if (code == CURLM_OK && running > 0) {
        const auto wait = static_cast<int>(std::min(left, kLookEvery).count());
        code = curl_multi_poll(multi_.get(), nullptr, 0, wait, nullptr);
      }
      if (code != CURLM_OK) return Error{Errc::kIo, curl_multi_strerror(code)};
    }
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg == CURLMSG_DONE) return message->data.result;
    }
    return CURLE_RECV_ERROR;
  }

  Deadline NextDeadline() const {
    const bool waits_for_body = call_->begun_by.has_value() && !begun_;
    return waits_for_body ? std::min(*call_->begun_by, call_->deadline) : call_->deadline;
  }

  void ReadType() {
    curl_header* header = nullptr;
    if (curl_easy_header(easy_.get(), "content-type", 0, CURLH_HEADER, -1, &header) != CURLHE_OK) {
      return;
    }
    answer_.type = Printable(header->value);
    answer_.type.erase(std::min(answer_.type.find(';'), answer_.type.size()));
  }

  Error CurlError(CURLcode code) const {
    const std::string text = error_text_[0] != '\0' ? error_text_.data() : curl_easy_strerror(code);
    return Error{code == CURLE_OPERATION_TIMEDOUT ? Errc::kTimedOut : Errc::kUnreachable,
                 Printable(text)};
  }

  static std::size_t OnHeader(char*, std::size_t size, std::size_t count, void* user) noexcept {
    auto* exchange = static_cast<Exchange*>(user);
    exchange->header_bytes_ += size * count;
    exchange->too_large_ |= exchange->header_bytes_ > kHeadersMaxBytes;
    return exchange->too_large_ ? 0 : size * count;
  }

  static std::size_t OnBody(char* data, std::size_t size, std::size_t count, void* user) noexcept {
    auto* exchange = static_cast<Exchange*>(user);
    return exchange->Add(std::string_view(data, size * count)) ? size * count : 0;
  }

  // False ends the transfer.
  bool Add(std::string_view bytes) {
    begun_ = true;
    if (call_->on_bytes) {
      curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &answer_.status);
      if (answer_.status == kStatusOk) {
        ended_ = !call_->on_bytes(bytes);
        return !ended_;
      }
    }
    too_large_ = answer_.body.size() + bytes.size() > call_->answer_size_bytes_max;
    if (!too_large_) answer_.body += bytes;
    return !too_large_;
  }

  const CurlUse use_;
  // The easy handle is destroyed first: it is never part of the multi handle between calls.
  const MultiHandle multi_{curl_multi_init()};
  const EasyHandle easy_{curl_easy_init()};
  std::array<char, CURL_ERROR_SIZE> error_text_{};

  // Of the call that runs.
  const HttpCall* call_ = nullptr;
  HttpCallAnswer answer_;
  std::size_t header_bytes_ = 0;
  bool begun_ = false;  // The body.
  bool too_large_ = false;
  bool ended_ = false;  // By on_bytes.
};

HttpCaller::HttpCaller(HttpTlsOptions tls)
    : tls_(std::move(tls)), exchange_(std::make_unique<Exchange>()) {}

HttpCaller::~HttpCaller() = default;

Result<HttpCallAnswer> HttpCaller::Perform(const HttpCall& call) {
  return exchange_->Perform(call, tls_, stopped_);
}

void HttpCaller::Stop() {
  stopped_ = true;
  exchange_->Wake();
}

}  // namespace reposfs
