#include "cache/http_credentials.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "cache/git_command.h"

namespace reposfs {
namespace {

constexpr std::chrono::minutes kRememberedFor(10);
constexpr std::size_t kEntryCountMax = 1024;
constexpr std::size_t kOutputMaxBytes = 1u << 20;

// One configured host's credential is never used for another that has the same address.
std::string KeyOf(const Source& source, std::string_view place) {
  return std::string(place) + "\n" + source.host.credentials_file.string();
}

// Whether what one repository is opened with may differ from its neighbour's: a section for a URL
// with a path, or credential.useHttpPath (gitcredentials(7)).
bool DependsOnPath(const GitSettings& settings) {
  return std::any_of(settings.begin(), settings.end(), [](const auto& setting) {
    const auto& [name, value] = setting;
    if (!name.starts_with("credential.")) return false;
    return NamesPath(name) || (name.ends_with(".usehttppath") && value != "false");
  });
}

std::string Describe(const Source& source) {
  return "url=" + source.url + "\n";
}

std::string Describe(const Source& source, const HttpCredential& credential) {
  return Describe(source) + "username=" + credential.user + "\npassword=" + credential.password +
         "\n";
}

}  // namespace

std::optional<HttpCredential> HttpCredentials::Remembered(const Source& source) {
  MutexLock lock(mutex_);
  for (const std::string_view place : {std::string_view(source.url), OriginOf(source.url)}) {
    const auto found = entries_.find(KeyOf(source, place));
    if (found == entries_.end()) continue;
    if (SteadyClock::now() < found->second.forget_at) return found->second.credential;
    entries_.erase(found);
  }
  return std::nullopt;
}

void HttpCredentials::Forget(const Source& source) {
  MutexLock lock(mutex_);
  entries_.erase(KeyOf(source, source.url));
  entries_.erase(KeyOf(source, OriginOf(source.url)));
}

Result<HttpCredential> HttpCredentials::Fill(const Source& source,
                                             const KeepGoing& keep_going) const {
  constexpr std::string_view kUser = "username=";
  constexpr std::string_view kPassword = "password=";
  auto output = Run(source, {"credential", "fill"}, Describe(source), keep_going);
  if (!output) return std::move(output).error();
  HttpCredential credential;
  for (const std::string_view line : Split(*output, '\n')) {
    if (line.starts_with(kUser)) credential.user = line.substr(kUser.size());
    if (line.starts_with(kPassword)) credential.password = line.substr(kPassword.size());
  }
  return credential;
}

void HttpCredentials::Approve(const Source& source, const HttpCredential& credential,
                              const KeepGoing& keep_going) {
  const auto listed = git_.List(source, keep_going);
  const bool for_all = listed && !DependsOnPath(**listed);
  {
    MutexLock lock(mutex_);
    if (entries_.size() >= kEntryCountMax) entries_.clear();
    const std::string_view place = for_all ? OriginOf(source.url) : source.url;
    entries_[KeyOf(source, place)] = Entry{credential, SteadyClock::now() + kRememberedFor};
  }
  // A helper that can't keep it will be asked again.
  static_cast<void>(
      Run(source, {"credential", "approve"}, Describe(source, credential), keep_going));
}

void HttpCredentials::Reject(const Source& source, const HttpCredential& credential,
                             const KeepGoing& keep_going) const {
  static_cast<void>(
      Run(source, {"credential", "reject"}, Describe(source, credential), keep_going));
}

Result<std::string> HttpCredentials::Run(const Source& source, std::vector<std::string> arguments,
                                         const std::string& input,
                                         const KeepGoing& keep_going) const {
  ProcessOptions options = GitCommand(std::move(arguments), limits_, &source);
  options.directory = "/";
  options.input = input;
  options.timeout = limits_.stall_timeout;
  options.output_max_bytes = kOutputMaxBytes;
  options.supervise = keep_going;
  auto result = RunProcess(options);
  if (!result) return std::move(result).error();
  if (!result->ok()) return GitFailure(*result, "git credential");
  return std::move(result->output);
}

}  // namespace reposfs
