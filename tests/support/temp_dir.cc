#include "tests/support/temp_dir.h"

#include <ftw.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace reposfs::testing {
namespace {

constexpr int kFtwFdMax = 32;

int RemoveEntry(const char* path, const struct stat*, int, struct FTW*) {
  std::remove(path);
  return 0;
}

}  // namespace

TempDir::TempDir(std::string_view name) {
  const char* base = std::getenv("TMPDIR");
  std::string pattern = std::string(base != nullptr ? base : "/tmp") + "/reposfs-";
  pattern += std::string(name) + ".XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) {
    std::perror(pattern.c_str());
    std::abort();
  }
  path_ = pattern;
}

TempDir::~TempDir() {
  ::nftw(path_.c_str(), RemoveEntry, kFtwFdMax, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

}  // namespace reposfs::testing
