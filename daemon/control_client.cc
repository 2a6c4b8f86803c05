#include "daemon/control_client.h"

#include <fcntl.h>

#include <cerrno>

#include "base/file_util.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "cache/curl_handle.h"

namespace reposfs {
namespace {

using nlohmann::json;

constexpr std::size_t kAnswerMaxBytes = 256u << 20;
constexpr std::size_t kSocketPathMaxBytes = 107;  // sun_path without its end.

// The callback of CURLOPT_WRITEFUNCTION; returning less than it was given ends the transfer.
std::size_t AppendAnswer(char* data, std::size_t size, std::size_t count, void* user) noexcept {
  auto* answer = static_cast<std::string*>(user);
  if (answer->size() + size * count > kAnswerMaxBytes) return 0;
  answer->append(data, size * count);
  return size * count;
}

Error ErrorOfAnswer(long status, const json& answer) {
  const auto text = [&answer](const char* field) -> std::string {
    const bool has = answer.is_object() && answer.contains(field) && answer[field].is_string();
    return has ? answer[field].get<std::string>() : "";
  };
  std::string message = text("error");
  if (message.empty()) message = "the daemon answered with HTTP status " + std::to_string(status);
  return Error{ErrcOfName(text("code")), Printable(message)};
}

Error NobodyServes(const std::filesystem::path& cache_directory) {
  return Error{Errc::kUnreachable, "no reposfs is mounted with cache " + cache_directory.string() +
                                       "; start one with: reposfs mount MOUNTPOINT"};
}

}  // namespace

struct ControlClient::Connection {
  CurlLibrary library;
  CurlHandle handle{curl_easy_init()};
  CurlHeaders headers{curl_slist_append(nullptr, "Content-Type: application/json")};
  UniqueFd directory;  // Keeps `socket_path` right if that goes through /proc/self/fd.
  std::string socket_path;
  std::string answer;

  // A socket's address has room for 107 bytes; a deeper directory is reached through a descriptor.
  Status FindSocket(const std::filesystem::path& cache_directory) {
    socket_path = cache_directory / "control.sock";
    if (socket_path.size() <= kSocketPathMaxBytes) return {};
    auto opened = OpenFile(cache_directory, O_PATH | O_DIRECTORY);
    if (!opened) return std::move(opened).error();
    directory = std::move(opened).value();
    socket_path = "/proc/self/fd/" + std::to_string(directory.get()) + "/control.sock";
    return {};
  }

  void Prepare(const std::string& target) {
    CURL* curl = handle.get();
    answer.clear();
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path.c_str());
    curl_easy_setopt(curl, CURLOPT_URL, ("http://reposfs" + target).c_str());
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");  // http_proxy is none of our business.
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &AppendAnswer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  }

  Error ErrorOf(CURLcode code, const std::filesystem::path& cache_directory) const {
    long os_errno = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_OS_ERRNO, &os_errno);
    if (code == CURLE_COULDNT_CONNECT && os_errno == EACCES) {
      return Error{Errc::kAccessDenied, "this user may not ask the reposfs with cache " +
                                            cache_directory.string() +
                                            "; run this as root or as the user who mounted it"};
    }
    if (code == CURLE_COULDNT_CONNECT) return NobodyServes(cache_directory);
    if (code == CURLE_OPERATION_TIMEDOUT) {
      return Error{Errc::kTimedOut, "the reposfs with cache " + cache_directory.string() +
                                        " does not answer; its log may say why"};
    }
    return Error{Errc::kIo, "asking the reposfs with cache " + cache_directory.string() + ": " +
                                curl_easy_strerror(code)};
  }
};

ControlClient::ControlClient(std::filesystem::path cache_directory, std::chrono::seconds timeout)
    : cache_directory_(std::move(cache_directory)),
      timeout_(timeout),
      connection_(std::make_unique<Connection>()) {}

ControlClient::~ControlClient() = default;

Result<json> ControlClient::Get(const std::string& target) {
  return Request(Method::kGet, target, "");
}

Result<json> ControlClient::Post(const std::string& target, const json& body) {
  return Request(Method::kPost, target, body.dump());
}

Result<json> ControlClient::Request(Method method, const std::string& target,
                                    const std::string& body) {
  Connection& connection = *connection_;
  if (auto status = connection.FindSocket(cache_directory_); !status) {
    const bool absent = status.error().code == Errc::kNotFound;
    return absent ? NobodyServes(cache_directory_) : std::move(status).error();
  }
  connection.Prepare(target);
  CURL* curl = connection.handle.get();
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, static_cast<long>(timeout_.count()));
  if (method == Method::kPost) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body.c_str());
  }
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) return connection.ErrorOf(code, cache_directory_);

  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  json answer = json::parse(connection.answer, nullptr, /*allow_exceptions=*/false);
  if (status >= 400) return ErrorOfAnswer(status, answer);
  if (answer.is_discarded()) {
    return Error{Errc::kIo, "the daemon's answer is no JSON; is it of another version?"};
  }
  return answer;
}

std::string RepoTarget(std::string_view key, std::string_view action) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string target = "/v1/repos/";
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("/-._~").find(c) != std::string_view::npos;
    if (plain) {
      target += c;
    } else {
      target += {'%', kHex[byte >> 4], kHex[byte & 0xf]};
    }
  }
  return target + std::string(action);
}

}  // namespace reposfs
