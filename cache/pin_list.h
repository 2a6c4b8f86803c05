// Which repositories are never evicted: what `cache.neverEvict` and the lines of
// `cache.neverEvictFile` name, as keys, URLs or patterns.
//
//   # what the build needs
//   https://github.com/git/git
//   github.com/torvalds/*        # a pattern pins what is here; whole names are fetched, too
//
// The file is read again when it has changed.  If something is wrong in it, what it said before
// stays in force, and problems() tells the line.  At the first reading there is nothing before, so
// the lines that are right count then.
//
// Thread-safety: every method may be called from any thread, Reread() from one at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "cache/options.h"
#include "cache/origin.h"
#include "cache/repository_key.h"

namespace reposfs {

// What is wrong with what was named.
struct PinProblem {
  std::string place;  // "/etc/reposfs/pins:3", or the setting.
  Error error;
  WallTime at{};
};

struct Pins {
  std::vector<RepositoryKey> whole;  // Those that are no patterns, in the order of their lines.
  std::unordered_set<std::string> whole_texts;
  std::vector<std::string> patterns;

  bool NamesWhole(const std::string& key) const { return whole_texts.contains(key); }
  bool Match(const std::string& key) const;
};
using PinsPtr = std::shared_ptr<const Pins>;

// What tells one content of a file from another.
struct FileVersion {
  bool exists = false;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size_bytes = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;

  bool operator==(const FileVersion&) const = default;
};

class PinList {
 public:
  static constexpr std::size_t kFileMaxBytes = 1u << 20;
  static constexpr std::size_t kEntryCountMax = 10'000;

  PinList(const CacheOptions& options, const Origin& origin);

  // Looks whether the file has changed, which costs one stat, and reads it then.  Returns whether
  // it says something else than before; the first call always does.
  bool Reread(WallTime now) REPOSFS_EXCLUDES(mutex_);

  PinsPtr pins() const REPOSFS_EXCLUDES(mutex_);
  std::vector<PinProblem> problems() const REPOSFS_EXCLUDES(mutex_);

 private:
  struct Reading {
    std::vector<std::string> keys_and_patterns;
    std::vector<PinProblem> problems;
  };

  FileVersion LookAtFile() const;
  // What the lines of `text` name.
  Reading Parse(std::string_view text, WallTime now) const;
  // The key or pattern that `entry` names.
  Result<std::string> Understand(std::string_view entry) const;
  std::string Place(std::size_t line) const;
  void Publish(std::vector<PinProblem> problems) REPOSFS_EXCLUDES(mutex_);

  const std::filesystem::path file_;
  std::map<std::string, HostOptions> hosts_;
  std::vector<std::string> configured_;  // Of `cache.neverEvict`.
  std::vector<PinProblem> configured_problems_;

  // Of Reread().
  std::optional<FileVersion> read_;
  bool read_too_early_ = false;  // The file may have changed again within the same time stamp.
  std::string text_;             // Or why it could not be read.
  std::vector<std::string> in_file_;

  mutable Mutex mutex_;  // A leaf lock.
  PinsPtr pins_ REPOSFS_GUARDED_BY(mutex_);
  std::vector<PinProblem> problems_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
