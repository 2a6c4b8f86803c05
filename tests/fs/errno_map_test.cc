#include "fs/errno_map.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace reposfs {
namespace {

TEST(ErrnoMapTest, TheCallerSeesWhatTheDesignSays) {
  const std::pair<Errc, int> expected[] = {
      {Errc::kNotFound, ENOENT},
      {Errc::kAccessDenied, EACCES},
      {Errc::kUnreachable, EHOSTUNREACH},
      {Errc::kTimedOut, ETIMEDOUT},
      {Errc::kNoSpace, ENOSPC},
      {Errc::kCorrupt, EIO},
      {Errc::kUnsupported, EOPNOTSUPP},
      {Errc::kInvalidArgument, EINVAL},
      {Errc::kInterrupted, EINTR},
      {Errc::kIo, EIO},
      {Errc::kStale, ESTALE},
  };
  for (const auto& [code, errno_value] : expected) {
    EXPECT_EQ(ErrnoOf(code), errno_value) << ErrcName(code);
  }
}

}  // namespace
}  // namespace reposfs
