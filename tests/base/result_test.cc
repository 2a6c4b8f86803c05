#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <set>

namespace reposfs {
namespace {

constexpr Errc kAllCodes[] = {
    Errc::kNotFound,        Errc::kAccessDenied, Errc::kUnreachable, Errc::kTimedOut,
    Errc::kNoSpace,         Errc::kCorrupt,      Errc::kStale,       Errc::kUnsupported,
    Errc::kInvalidArgument, Errc::kInterrupted,  Errc::kIo};

TEST(ResultTest, HoldsAValue) {
  const Result<int> result = 7;
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, 7);
  EXPECT_EQ(result.value(), 7);
}

TEST(ResultTest, HoldsAnError) {
  const Result<int> result = Error{Errc::kCorrupt, "bad"};
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kCorrupt);
  EXPECT_EQ(result.error().message, "bad");
}

TEST(ResultTest, GivesAwayWhatCanOnlyBeMoved) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 7);
}

TEST(ResultTest, ASuccessWithoutAValueIsTheDefaultStatus) {
  const Status status;
  EXPECT_TRUE(status);
}

TEST(ResultTest, AnErrorTellsFromOneStepFurtherOut) {
  const Error inner{Errc::kNotFound, "no such file"};
  const Error outer = inner.Within("open /x");
  EXPECT_EQ(outer.code, Errc::kNotFound);
  EXPECT_EQ(outer.message, "open /x: no such file");
}

TEST(ResultTest, EachCodeHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (const Errc code : kAllCodes) names.insert(ErrcName(code));
  EXPECT_EQ(names.size(), std::size(kAllCodes));
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(ErrnoErrorTest, SaysWhatFailedAndWhy) {
  const Error error = ErrnoError(ENOENT, "open /x");
  EXPECT_EQ(error.message, "open /x: No such file or directory");
}

TEST(ErrnoErrorTest, EachErrnoLeadsToTheDecisionOfTheCaller) {
  const std::pair<int, Errc> expected[] = {
      {ENOENT, Errc::kNotFound},
      {ENOTDIR, Errc::kNotFound},
      {EACCES, Errc::kAccessDenied},
      {EPERM, Errc::kAccessDenied},
      {ENOSPC, Errc::kNoSpace},
      {EDQUOT, Errc::kNoSpace},
      {EFBIG, Errc::kNoSpace},
      {ETIMEDOUT, Errc::kTimedOut},
      {ECONNREFUSED, Errc::kUnreachable},
      {EHOSTUNREACH, Errc::kUnreachable},
      {EINVAL, Errc::kInvalidArgument},
      {EINTR, Errc::kInterrupted},
      {ENOSYS, Errc::kUnsupported},
      {EIO, Errc::kIo},
      {EMFILE, Errc::kIo},
  };
  for (const auto& [errno_value, code] : expected) {
    EXPECT_EQ(ErrnoError(errno_value, "x").code, code) << "errno " << errno_value;
  }
}

}  // namespace
}  // namespace reposfs
