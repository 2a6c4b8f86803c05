#include "base/clock.h"

#include <gtest/gtest.h>

namespace reposfs {
namespace {

using std::chrono::milliseconds;

TEST(ClockTest, TimesAreWrittenInUtcToTheSecond) {
  EXPECT_EQ(ToIso8601(WallTime(milliseconds(0))), "1970-01-01T00:00:00Z");
  EXPECT_EQ(ToIso8601(WallTime(milliseconds(1'767'323'045'999))), "2026-01-02T03:04:05Z");
  EXPECT_EQ(ToIso8601(WallTime(milliseconds(951'782'400'000))), "2000-02-29T00:00:00Z");
}

TEST(ClockTest, ATimeBeforeTheEpochIsRoundedDown) {
  EXPECT_EQ(ToIso8601(WallTime(milliseconds(-1))), "1969-12-31T23:59:59Z");
}

TEST(ClockTest, TheSystemClockDoesNotGoBackWithinAMoment) {
  const SystemClock clock;
  const WallTime first = clock.Now();
  EXPECT_GE(clock.Now(), first);
  EXPECT_GT(first, WallTime(std::chrono::hours(24 * 365 * 50)));
}

}  // namespace
}  // namespace reposfs
