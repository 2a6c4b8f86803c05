// A file that is locked for as long as a process lives, so that others can tell.
//
// Who has claimed a job signs with the name of its mark.  The kernel gives the lock up when the
// process ends, however it ends; what a killed one has left to do is then found at once, and not
// only when a lease lapses.
//
// Thread-safety: IsAlive() may be called from any thread; a mark belongs to one.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace reposfs {

class ProcessMark {
 public:
  // Makes a mark of this process in `directory`, which must exist.  Its name begins with `role` and
  // is unlike any other.  `about` is kept in it for people to read.
  static Result<ProcessMark> Create(const std::filesystem::path& directory, std::string_view role,
                                    std::string_view about);

  ProcessMark(ProcessMark&&) = default;
  ProcessMark& operator=(ProcessMark&&) = delete;
  ~ProcessMark();  // Removes the file.

  const std::string& name() const { return name_; }

  // Whether the process that made the mark `name` lives.
  static bool IsAlive(const std::filesystem::path& directory, const std::string& name);

  struct Living {
    std::string name;
    std::string about;
  };
  // Those that live, in the order of their names; the marks of the dead are removed.
  static std::vector<Living> List(const std::filesystem::path& directory);

 private:
  ProcessMark(std::filesystem::path path, std::string name, UniqueFd locked)
      : path_(std::move(path)), name_(std::move(name)), locked_(std::move(locked)) {}

  std::filesystem::path path_;
  std::string name_;
  UniqueFd locked_;
};

}  // namespace reposfs
