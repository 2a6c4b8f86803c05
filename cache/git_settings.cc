#include "cache/git_settings.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "base/text.h"
#include "cache/git_command.h"

namespace reposfs {
namespace {

namespace stdfs = std::filesystem;

constexpr std::chrono::minutes kBelievedFor(1);
constexpr std::chrono::milliseconds kWakeEvery(40);
constexpr std::size_t kOutputMaxBytes = 4u << 20;
// The first round finds out what the files are, the second reads them; a third is for one that
// changes meanwhile.
constexpr int kRoundCountMax = 3;
// git runs here, where it finds no repository's configuration.
constexpr char kDirectory[] = "/";

// What git says in one run, and where it found it.
struct Answer {
  GitSettings settings;
  std::vector<stdfs::path> files;  // Also those that are named, but not there.
  bool knows_files = true;
  bool for_all_sources = true;
};

// Where the configuration is, whether or not there is anything of interest in it.
std::vector<stdfs::path> UsualFiles() {
  std::vector<stdfs::path> files = {"/etc/gitconfig"};
  const char* const global = std::getenv("GIT_CONFIG_GLOBAL");
  const char* const home = std::getenv("HOME");
  const char* const xdg = std::getenv("XDG_CONFIG_HOME");
  if (global != nullptr) {
    files.push_back(stdfs::path(kDirectory) / global);
    return files;
  }
  if (home != nullptr) files.push_back(stdfs::path(home) / ".gitconfig");
  if (xdg != nullptr && *xdg != '\0') {
    files.push_back(stdfs::path(xdg) / "git" / "config");
  } else if (home != nullptr) {
    files.push_back(stdfs::path(home) / ".config" / "git" / "config");
  }
  return files;
}

// The file that `value`, an include.path in `file`, means.  Nothing if only git knows.
std::optional<stdfs::path> IncludedFile(const stdfs::path& file, const std::string& value) {
  if (!value.starts_with('~') && !value.starts_with('%')) return file.parent_path() / value;
  const char* const home = std::getenv("HOME");
  if (!value.starts_with("~/") || home == nullptr) return std::nullopt;
  return stdfs::path(home) / value.substr(2);
}

std::pair<std::string, std::string> ParseSetting(std::string_view entry) {
  const std::size_t end = entry.find('\n');
  // A name without a value is true.
  const bool has_value = end != std::string_view::npos;
  return {std::string(entry.substr(0, end)),
          has_value ? std::string(entry.substr(end + 1)) : "true"};
}

void AddIncluded(const stdfs::path& file, const std::string& name, const std::string& value,
                 Answer& answer) {
  constexpr std::string_view kIncludePath = "include.path";
  constexpr std::string_view kIncludeIf = "includeif.";
  if (name != kIncludePath && !name.starts_with(kIncludeIf)) return;
  if (const auto included = IncludedFile(file, value)) {
    answer.files.push_back(*included);
  } else {
    answer.knows_files = false;
  }
  // Such a condition looks at the URL.
  if (name.starts_with("includeif.hasconfig:")) answer.for_all_sources = false;
}

// Reads the output of `git config -z --show-origin`: origins and settings in turn.
Answer ParseAnswer(std::string_view output) {
  constexpr std::string_view kFile = "file:";
  Answer answer;
  answer.files = UsualFiles();
  const std::vector<std::string_view> parts = Split(output, '\0');
  for (std::size_t i = 0; i + 1 < parts.size(); i += 2) {
    auto setting = ParseSetting(parts[i + 1]);
    // Anything else is what we have set ourselves.
    if (parts[i].starts_with(kFile)) {
      const stdfs::path file = stdfs::path(kDirectory) / parts[i].substr(kFile.size());
      if (std::find(answer.files.begin(), answer.files.end(), file) == answer.files.end()) {
        answer.files.push_back(file);
      }
      AddIncluded(file, setting.first, setting.second, answer);
    }
    answer.settings.push_back(std::move(setting));
  }
  return answer;
}

}  // namespace

GitSettings ParseGitSettings(std::string_view output) {
  GitSettings settings;
  for (const std::string_view entry : Split(output, '\0')) {
    if (!entry.empty()) settings.push_back(ParseSetting(entry));
  }
  return settings;
}

bool NamesUrl(std::string_view name) {
  return name.find('.') != name.rfind('.');
}

bool NamesPath(std::string_view name) {
  const std::size_t scheme_end = name.find("://");
  if (scheme_end == std::string_view::npos) return false;
  const std::size_t slash = name.find('/', scheme_end + 3);
  return slash != std::string_view::npos && slash + 1 < name.rfind('.');
}

Result<GitSettingsPtr> GitSettingsReader::List(const Source& source, const KeepGoing& keep_going) {
  while (true) {
    // It looks at files: not under the lock.
    const ListingPtr listed = Listed();
    if (listed && Holds(*listed)) return GitSettingsPtr(listed, &listed->settings);
    if (auto going = keep_going(); !going) return std::move(going).error();
    if (BeginReading()) break;
  }
  auto read = Read(source, keep_going);
  EndReading(read && (*read)->for_all_sources ? *read : nullptr);
  if (!read) return std::move(read).error();
  return GitSettingsPtr(*read, &(*read)->settings);
}

void GitSettingsReader::Forget() {
  MutexLock lock(mutex_);
  listed_.reset();
}

bool GitSettingsReader::Holds(const Listing& listing) {
  const bool young = SteadyClock::now() - listing.read_at < kBelievedFor;
  return (listing.knows_files || young) && listing.files.Unchanged();
}

GitSettingsReader::ListingPtr GitSettingsReader::Listed() const {
  MutexLock lock(mutex_);
  return listed_;
}

bool GitSettingsReader::BeginReading() {
  MutexLock lock(mutex_);
  if (!reading_) return reading_ = true;
  read_.WaitFor(mutex_, kWakeEvery);
  return false;
}

void GitSettingsReader::EndReading(ListingPtr listing) {
  MutexLock lock(mutex_);
  listed_ = std::move(listing);
  reading_ = false;
  read_.NotifyAll();
}

Result<GitSettingsReader::ListingPtr> GitSettingsReader::Read(const Source& source,
                                                              const KeepGoing& keep_going) const {
  std::vector<stdfs::path> files = UsualFiles();
  for (int round = 1;; ++round) {
    auto listing = std::make_shared<Listing>();
    listing->read_at = SteadyClock::now();
    listing->files = FileStamps(files);
    auto output =
        Ask(source, {"--show-origin", "--get-regexp", "^(http|credential|include|includeif)\\."},
            keep_going);
    if (!output) return std::move(output).error();
    Answer answer = ParseAnswer(*output);
    const bool covered =
        std::all_of(answer.files.begin(), answer.files.end(),
                    [&](const stdfs::path& file) { return listing->files.Covers(file); });
    if (!covered && round < kRoundCountMax) {
      files = std::move(answer.files);
      continue;
    }
    listing->settings = std::move(answer.settings);
    listing->knows_files = covered && answer.knows_files;
    listing->for_all_sources = answer.for_all_sources;
    return ListingPtr(std::move(listing));
  }
}

Result<std::string> GitSettingsReader::Ask(const Source& source, std::vector<std::string> arguments,
                                           const KeepGoing& keep_going) const {
  arguments.insert(arguments.begin(), {"config", "-z"});
  ProcessOptions options = GitCommand(std::move(arguments), limits_, &source);
  options.directory = kDirectory;
  options.timeout = limits_.stall_timeout;
  options.output_max_bytes = kOutputMaxBytes;
  options.supervise = keep_going;
  auto result = RunProcess(options);
  if (!result) return std::move(result).error();
  // git config fails with 1 if there is no such setting.
  if (result->exit_code > 1 || result->signal != 0) return GitFailure(*result, "git config");
  return std::move(result->output);
}

}  // namespace reposfs
