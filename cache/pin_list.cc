#include "cache/pin_list.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/file_util.h"
#include "base/text.h"
#include "cache/repository_url.h"

namespace reposfs {
namespace {

// Time stamps of files are no finer than the kernel's clock tick.
constexpr std::chrono::seconds kTimeStampTrustedAfter(2);
constexpr std::size_t kProblemCountMax = 20;

bool IsPattern(std::string_view text) {
  return text.find_first_of("*?[") != std::string_view::npos;
}

std::int64_t Nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// What is left of a line without its comment and the blanks around.  A '#' within a word is none.
std::string_view EntryOf(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r";
  for (std::size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1)) {
    if (at == 0 || kBlanks.find(line[at - 1]) != std::string_view::npos) line = line.substr(0, at);
  }
  const std::size_t begin = line.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kBlanks) + 1 - begin);
}

Result<std::string> ReadBounded(const std::filesystem::path& path) {
  // Not blocking: somebody may have put a pipe there.
  auto fd = OpenFile(path, O_RDONLY | O_NONBLOCK);
  if (!fd) return std::move(fd).error();
  struct stat info {};
  if (::fstat(fd->get(), &info) != 0) return ErrnoError(errno, "look at " + path.string());
  if (!S_ISREG(info.st_mode)) return Error{Errc::kInvalidArgument, "is no regular file"};
  std::string text(PinList::kFileMaxBytes + 1, '\0');
  std::size_t size_bytes = 0;
  while (size_bytes < text.size()) {
    const ssize_t got = ::read(fd->get(), text.data() + size_bytes, text.size() - size_bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError(errno, "read " + path.string());
    if (got == 0) break;
    size_bytes += static_cast<std::size_t>(got);
  }
  if (size_bytes > PinList::kFileMaxBytes) {
    return Error{Errc::kInvalidArgument, "is larger than 1 MiB; name patterns, as in host/owner/*"};
  }
  text.resize(size_bytes);
  return text;
}

}  // namespace

bool Pins::Match(const std::string& key) const {
  return whole_texts.contains(key) ||
         std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return MatchesPattern(pattern, key); });
}

PinList::PinList(const CacheOptions& options, const Origin& origin)
    : file_(options.never_evict_file) {
  for (const std::string& host : origin.Hosts()) {
    if (auto known = origin.HostOf(host)) hosts_.emplace(host, std::move(*known));
  }
  for (const std::string& entry : options.never_evict) {
    if (auto understood = Understand(entry)) {
      configured_.push_back(std::move(*understood));
    } else {
      configured_problems_.push_back({"cache.neverEvict", understood.error()});
    }
  }
  Publish({});
}

Result<std::string> PinList::Understand(std::string_view entry) const {
  std::string text;
  if (IsRepositoryUrl(entry)) {
    auto key = KeyOfUrl(entry, hosts_);
    if (!key) return key;
    text = std::move(*key);
  } else {
    const auto parts = Split(entry, '/');
    std::string name(parts.back());
    if (name.ends_with(".git")) name.resize(name.size() - 4);
    if (parts.size() != 3) {
      return Error{Errc::kInvalidArgument, Printable(entry) +
                                               ": names no repository; write for example "
                                               "github.com/git/git, github.com/git/* or a URL"};
    }
    auto key = SpellKey(entry, {std::string(parts[0]), std::string(parts[1]), name});
    if (!key) return key;
    text = std::move(*key);
  }
  const std::string host = text.substr(0, text.find('/'));
  const auto known = hosts_.find(host);
  if (known == hosts_.end() && !IsPattern(host)) {
    return Error{Errc::kInvalidArgument, Printable(entry) + ": host " + Printable(host) +
                                             " is not configured; add it under hosts:"};
  }
  if (known != hosts_.end() && known->second.case_insensitive) text = AsciiLower(text);
  if (IsPattern(text)) return text;
  auto key = ParseRepositoryKey(text);
  if (!key) return std::move(key).error();
  return text;
}

FileVersion PinList::LookAtFile() const {
  struct stat info {};
  if (::stat(file_.c_str(), &info) != 0) return {};
  return FileVersion{true,
                     info.st_dev,
                     info.st_ino,
                     info.st_size,
                     Nanoseconds(info.st_mtim),
                     Nanoseconds(info.st_ctim)};
}

std::string PinList::Place(std::size_t line) const {
  return file_.string() + (line == 0 ? "" : ":" + std::to_string(line));
}

PinList::Reading PinList::Parse(std::string_view text, WallTime now) const {
  Reading reading;
  std::size_t line_number = 0;
  for (const std::string_view line : Split(text, '\n')) {
    ++line_number;
    const std::string_view entry = EntryOf(line);
    if (entry.empty()) continue;
    if (reading.problems.size() >= kProblemCountMax) break;
    if (reading.keys_and_patterns.size() >= kEntryCountMax) {
      reading.problems.push_back(
          {Place(line_number),
           Error{Errc::kInvalidArgument, "more than 10000 entries; name patterns instead"}, now});
      break;
    }
    if (auto understood = Understand(entry)) {
      reading.keys_and_patterns.push_back(std::move(*understood));
    } else {
      reading.problems.push_back({Place(line_number), understood.error(), now});
    }
  }
  return reading;
}

bool PinList::Reread(WallTime now) {
  const bool first = !read_;
  if (file_.empty()) {
    read_.emplace();
    return first;
  }
  const FileVersion version = LookAtFile();
  if (!first && version == *read_ && !read_too_early_) return false;
  read_ = version;
  const auto stamp = WallTime(
      std::chrono::milliseconds(std::max(version.modified_ns, version.changed_ns) / 1'000'000));
  read_too_early_ = version.exists && now - stamp < kTimeStampTrustedAfter && now >= stamp;
  auto text = ReadBounded(file_);
  std::string said = text ? *text : text.error().message;
  if (!first && said == text_) return false;
  Reading reading = text ? Parse(*text, now) : Reading{{}, {{Place(0), text.error(), now}}};
  text_ = std::move(said);
  if (reading.problems.empty() || first) in_file_ = std::move(reading.keys_and_patterns);
  Publish(std::move(reading.problems));
  return true;
}

void PinList::Publish(std::vector<PinProblem> problems) {
  auto pins = std::make_shared<Pins>();
  for (const auto* entries : {&configured_, &in_file_}) {
    for (const std::string& entry : *entries) {
      if (IsPattern(entry)) {
        pins->patterns.push_back(entry);
      } else if (auto key = ParseRepositoryKey(entry);
                 key && pins->whole_texts.insert(entry).second) {
        pins->whole.push_back(std::move(*key));
      }
    }
  }
  problems.insert(problems.begin(), configured_problems_.begin(), configured_problems_.end());
  MutexLock lock(mutex_);
  pins_ = std::move(pins);
  problems_ = std::move(problems);
}

PinsPtr PinList::pins() const {
  MutexLock lock(mutex_);
  return pins_;
}

std::vector<PinProblem> PinList::problems() const {
  MutexLock lock(mutex_);
  return problems_;
}

}  // namespace reposfs
