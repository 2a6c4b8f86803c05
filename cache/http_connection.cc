#include "cache/http_connection.h"

#include <utility>

#include "base/text.h"
#include "cache/gzip.h"

namespace reposfs {
namespace {

// As git does: less is not worth it.
constexpr std::size_t kGzipFromBytes = 1024;

constexpr char kAdvertisement[] = "application/x-git-upload-pack-advertisement";
constexpr char kMessage[] = "application/x-git-upload-pack-request";
constexpr char kAnswer[] = "application/x-git-upload-pack-result";

// An URL as a user may see it: without what stands before its '@'.
std::string WithoutUser(const std::string& url) {
  const std::size_t scheme_end = url.find("://");
  if (scheme_end == std::string::npos) return url;
  const std::size_t begin = scheme_end + 3;
  const std::size_t at = url.substr(0, url.find('/', begin)).rfind('@');
  return at == std::string::npos || at < begin ? url : url.substr(0, begin) + url.substr(at + 1);
}

// Whether another request could be answered better: the server is neither overloaded nor gone, nor
// has it refused who we are.
bool IsAnswer(long status) {
  return status != 401 && status != 407 && status != 429 && status != 502 && status != 503 &&
         status != 504;
}

std::string UrlFor(const Source& source, std::string_view what) {
  return source.url + (source.url.ends_with('/') ? "" : "/") + std::string(what);
}

// What a peer is told and believed is all in `peer`.
HttpSettings SettingsFor(const PeerAccess& peer) {
  HttpSettings settings;
  settings.proxy = "";
  settings.extra_headers = peer.headers;
  const auto age_max = std::chrono::duration_cast<std::chrono::seconds>(peer.refs_age_max);
  settings.extra_headers.push_back(peer.only_if_cached ? "Cache-Control: only-if-cached"
                                                       : "Cache-Control: max-age=" +
                                                             std::to_string(age_max.count()));
  settings.ca_file = peer.ca_file;
  settings.certificate = peer.certificate_file;
  settings.key = peer.key_file;
  settings.bytes_per_second_max = peer.bytes_per_second_max;
  return settings;
}

}  // namespace

Error HttpStatusError(const HttpAnswer& answer, const Source& source) {
  const std::string status = "HTTP status " + std::to_string(answer.status);
  std::string text = Printable(std::string_view(answer.text).substr(0, answer.text.find('\n')));
  if (!text.empty()) text = ": " + text;
  switch (answer.status) {
    case 401:
      return {Errc::kAccessDenied, "the server refuses the credentials (" + status + ")" + text};
    case 403:
      return {Errc::kAccessDenied, "the server refuses access (" + status + ")" + text};
    case 404:
    case 410:
      return {Errc::kNotFound, "repository not found (" + status + ")" + text};
    case 407:
      return {Errc::kAccessDenied, "the proxy refuses access (" + status + ")"};
    case 409:
      // What a node answers when refs have moved meanwhile; of a host it tells nothing.
      if (source.peer) return {Errc::kStale, "its refs have moved (" + status + ")" + text};
      break;
    default:
      break;
  }
  if (answer.status >= 300 && answer.status < 400) {
    return {Errc::kNotFound, "the repository has moved to " + WithoutUser(answer.location) + " (" +
                                 status + "); use that name"};
  }
  if (answer.status == 200) {
    return {Errc::kUnreachable, "the server's answer is not git's (type " + answer.type + ")"};
  }
  const auto seconds = answer.retry_after.count();
  const std::string wait =
      seconds == 0 ? "" : "; it asks to wait for " + std::to_string(seconds) + " s";
  return {Errc::kUnreachable, "the server failed (" + status + ")" + wait + text,
          answer.retry_after};
}

Result<std::unique_ptr<WireConnection>> HttpConnection::Open(const Source& source,
                                                             HttpAccess& access,
                                                             TransferMeter& meter) {
  if (source.peer) {
    return std::unique_ptr<WireConnection>(
        new HttpConnection(source, SettingsFor(*source.peer), access, meter));
  }
  auto settings = access.settings.For(source, [&meter] { return meter.WhileWorking(); });
  if (!settings) return std::move(settings).error();
  return std::unique_ptr<WireConnection>(
      new HttpConnection(source, std::move(*settings), access, meter));
}

HttpConnection::HttpConnection(const Source& source, HttpSettings settings, HttpAccess& access,
                               TransferMeter& meter)
    : source_(source), settings_(std::move(settings)), access_(access), meter_(meter) {}

Status HttpConnection::Advertise(AdvertisementReader& reader) {
  UpstreamRequest request{UrlFor(source_, "info/refs?service=git-upload-pack"),
                          std::nullopt,
                          {},
                          kAdvertisement,
                          settings_,
                          std::nullopt};
  auto answer = Perform(std::move(request), reader);
  if (!answer) return std::move(answer).error();
  if (answer->failure) return *answer->failure;
  if (answer->read && reader.complete()) return {};
  // A server of plain files, or of something else altogether.
  if (answer->status == 200 && !answer->read) {
    reader.EndWithoutVersion2();
    return {};
  }
  if (answer->read) return Error{Errc::kUnreachable, "the answer ends early"};
  return HttpStatusError(*answer, source_);
}

Status HttpConnection::Request(std::string_view message, WireReader& reader) {
  HttpSettings with_encoding = settings_;
  std::string packed;
  if (message.size() > kGzipFromBytes) {
    packed = Gzip(message);
    with_encoding.extra_headers.push_back("Content-Encoding: gzip");
  }
  UpstreamRequest request{UrlFor(source_, "git-upload-pack"),
                          packed.empty() ? message : std::string_view(packed),
                          kMessage,
                          kAnswer,
                          with_encoding,
                          std::nullopt};
  auto answer = Perform(std::move(request), reader);
  if (!answer) return std::move(answer).error();
  if (answer->failure) return *answer->failure;
  if (reader.complete()) return {};
  if (answer->read) return Error{Errc::kUnreachable, "the answer ends early"};
  return HttpStatusError(*answer, source_);
}

Result<HttpAnswer> HttpConnection::Send(const UpstreamRequest& request, WireReader& reader) {
  Status turn = source_.AwaitTurn(1, [this] { return meter_.WhileWorking(); });
  if (!turn) return std::move(turn).error();
  return access_.client.Perform(request, reader, meter_);
}

Result<HttpAnswer> HttpConnection::Perform(UpstreamRequest request, WireReader& reader) {
  answered_ = false;
  if (source_.peer) {
    auto answer = access_.client.Perform(request, reader, meter_);
    answered_ = answer && IsAnswer(answer->status);
    if (answer) answer_age_ = answer->age;
    return answer;
  }
  request.credential = access_.credentials.Remembered(source_);
  auto answer = Send(request, reader);
  if (answer && answer->status == 401) answer = PerformWithCredential(std::move(request), reader);
  if (answer && (answer->status == 401 || answer->status == 403)) access_.git.Forget();
  answered_ = answer && IsAnswer(answer->status);
  return answer;
}

Result<HttpAnswer> HttpConnection::PerformWithCredential(UpstreamRequest request,
                                                         WireReader& reader) {
  const auto keep_going = [this] { return meter_.WhileWorking(); };
  access_.credentials.Forget(source_);
  auto filled = access_.credentials.Fill(source_, keep_going);
  if (!filled) return std::move(filled).error();
  HttpAnswer refused;
  refused.status = 401;
  // What was remembered may have been replaced meanwhile; if not, it has been refused just now.
  if (request.credential != *filled) {
    request.credential = *filled;
    auto answer = Send(request, reader);
    if (!answer) return answer;
    if (answer->status != 401) {
      access_.credentials.Approve(source_, *filled, keep_going);
      return answer;
    }
    refused = std::move(*answer);
  }
  access_.credentials.Reject(source_, *filled, keep_going);
  return refused;
}

}  // namespace reposfs
