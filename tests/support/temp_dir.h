// A directory that lives as long as the test that needs it.
#pragma once

#include <filesystem>
#include <string_view>

namespace reposfs::testing {

// The directory and all below it is removed at destruction, whatever modes a test gave it.  It
// never crosses into another file system, so a mount that is still there is not emptied.
class TempDir {
 public:
  explicit TempDir(std::string_view name = "test");
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace reposfs::testing
