#include "daemon/git_request.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <vector>

#include "base/text.h"

namespace reposfs {
namespace {

constexpr std::size_t kKeyPartCount = 3;

// As Android's repo asks for it.
constexpr std::string_view kBundleName = "clone.bundle";

// The parts of a path without the empty one before its first '/'.
std::vector<std::string_view> PartsOf(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  return Split(path, '/');
}

// What comes after the repository: "info/refs".
std::string_view TailOf(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  for (std::size_t i = 0; i < kKeyPartCount; ++i) {
    const std::size_t slash = path.find('/');
    if (slash == std::string_view::npos) return {};
    path.remove_prefix(slash + 1);
  }
  return path;
}

// -1 for what is no digit.
int Base64Digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

// As far as `text` is base64.
std::string DecodeBase64(std::string_view text) {
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    const int digit = Base64Digit(c);
    if (digit < 0) break;
    bits = (bits << 6 | static_cast<unsigned>(digit)) & 0xffffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>(bits >> count & 0xff));
  }
  return out;
}

// Looks at all of `shown`, wherever it differs.
bool EqualInConstantTime(std::string_view shown, std::string_view secret) {
  if (secret.empty()) return false;
  unsigned difference = shown.size() == secret.size() ? 0 : 1;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    difference |= static_cast<unsigned char>(shown[i]) ^
                  static_cast<unsigned char>(secret[i % secret.size()]);
  }
  return difference == 0;
}

// Of "max-age=SECONDS" (RFC 9111, section 5.2.1.1).
std::optional<std::chrono::seconds> AgeMaxOf(std::string_view cache_control) {
  constexpr std::string_view kName = "max-age=";
  if (!cache_control.starts_with(kName)) return std::nullopt;
  cache_control.remove_prefix(kName.size());
  std::uint32_t seconds = 0;
  const char* end = cache_control.data() + cache_control.size();
  const auto parsed = std::from_chars(cache_control.data(), end, seconds);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace

bool IsGitPath(std::string_view path) {
  const std::string_view tail = TailOf(path);
  constexpr std::array<std::string_view, 5> kTails = {"info/refs", "git-upload-pack", kBundleName,
                                                      "git-receive-pack", "HEAD"};
  for (const std::string_view known : kTails) {
    if (tail == known) return true;
  }
  return tail.starts_with("objects/");
}

Result<GitRequest> ParseGitRequest(const HttpRequest& request, const Origin& origin) {
  const auto parts = PartsOf(request.path);
  std::string host = AsciiLower(PercentDecode(parts[0]));
  std::string owner = PercentDecode(parts[1]);
  std::string name = PercentDecode(parts[2]);
  constexpr std::string_view kSuffix = ".git";
  if (name.ends_with(kSuffix)) name.resize(name.size() - kSuffix.size());
  const auto options = origin.HostOf(host);
  if (!options) {
    return Error{Errc::kNotFound, "host " + Printable(host) + " is not configured on this node"};
  }
  if (options->case_insensitive) {
    owner = AsciiLower(owner);
    name = AsciiLower(name);
  }
  auto key = ParseRepositoryKey(host + "/" + owner + "/" + name);
  if (!key) return std::move(key).error();

  GitRequest asked;
  asked.key = std::move(*key);
  asked.version = request.Header("git-protocol").find("version=2") != std::string::npos
                      ? UploadVersion::kTwo
                      : UploadVersion::kZero;
  const std::string cache_control = request.Header("cache-control");
  asked.only_if_cached = cache_control == "only-if-cached";
  asked.age_max = AgeMaxOf(cache_control);
  asked.is_peer = asked.only_if_cached || !request.Header("reposfs-node").empty();
  const std::string_view tail = TailOf(request.path);
  const auto found = request.query.find("service");
  const std::string service = found != request.query.end() ? found->second : "";
  if (service == "git-receive-pack" || tail == "git-receive-pack") {
    asked.resource = GitResource::kReceivePack;
  } else if (tail == "info/refs" && service == "git-upload-pack" && request.method == "GET") {
    asked.resource = GitResource::kAdvertisement;
  } else if (tail == "git-upload-pack" && request.method == "POST") {
    asked.resource = GitResource::kUploadPack;
  } else if (tail == kBundleName && request.method == "GET") {
    asked.resource = GitResource::kBundle;
  }
  return asked;
}

bool ShowsToken(const HttpRequest& request, std::string_view token) {
  const std::string shown = request.Header("authorization");
  constexpr std::string_view kBearer = "bearer ";
  constexpr std::string_view kBasic = "basic ";
  const std::string lower = AsciiLower(shown);
  if (lower.starts_with(kBearer)) {
    return EqualInConstantTime(std::string_view(shown).substr(kBearer.size()), token);
  }
  if (!lower.starts_with(kBasic)) return false;
  const std::string decoded = DecodeBase64(std::string_view(shown).substr(kBasic.size()));
  const std::size_t colon = decoded.find(':');
  if (colon == std::string::npos) return false;
  return EqualInConstantTime(std::string_view(decoded).substr(colon + 1), token);
}

}  // namespace reposfs
