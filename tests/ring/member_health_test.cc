#include "ring/member_health.h"

#include <gtest/gtest.h>

#include "ring/latency.h"

namespace reposfs {
namespace {

using std::chrono::milliseconds;

WallTime At(int second) {
  return WallTime(std::chrono::seconds(second));
}
const Error kFailure{Errc::kUnreachable, "no route"};

TEST(MemberHealthTest, OneFailureIsSuspectTwoAreDown) {
  MemberHealth health;
  EXPECT_EQ(health.state(), MemberState::kUp);
  EXPECT_EQ(health.since(), WallTime());
  health.Fail(kFailure, At(1));
  EXPECT_EQ(health.state(), MemberState::kSuspect);
  EXPECT_TRUE(health.is_undecided());
  health.Fail(kFailure, At(2));
  EXPECT_EQ(health.state(), MemberState::kDown);
  EXPECT_EQ(health.since(), At(2));
  health.Fail(kFailure, At(3));
  EXPECT_EQ(health.since(), At(2)) << "it has been down since then";
  EXPECT_FALSE(health.is_undecided());
  EXPECT_EQ(health.last_error(), "no route");
}

TEST(MemberHealthTest, ASuccessClearsASuspicion) {
  MemberHealth health;
  health.Fail(kFailure, At(1));
  health.Succeed(At(2));
  EXPECT_EQ(health.state(), MemberState::kUp);
  health.Fail(kFailure, At(3));
  EXPECT_EQ(health.state(), MemberState::kSuspect) << "failures count only in a row";
}

TEST(MemberHealthTest, WhoIsDownReturnsAfterTwoSuccessesInARow) {
  MemberHealth health;
  health.Fail(kFailure, At(1));
  health.Fail(kFailure, At(2));
  health.Succeed(At(3));
  EXPECT_EQ(health.state(), MemberState::kDown);
  EXPECT_TRUE(health.is_undecided());
  health.Fail(kFailure, At(4));
  health.Succeed(At(5));
  EXPECT_EQ(health.state(), MemberState::kDown);
  health.Succeed(At(6));
  EXPECT_EQ(health.state(), MemberState::kUp);
  EXPECT_EQ(health.since(), At(6));
  EXPECT_EQ(health.last_error(), "no route") << "kept for whoever asks what happened";
}

TEST(LatencyTest, FewAnswersSayNothing) {
  Latency latency;
  for (int count = 1; count < 8; ++count) latency.Add(milliseconds(1));
  EXPECT_FALSE(latency.Percentile95());
  latency.Add(milliseconds(9));
  EXPECT_EQ(latency.Percentile95(), milliseconds(9));
}

TEST(LatencyTest, OneSlowAnswerInTwentyDoesNotCount) {
  Latency latency;
  for (int answer = 1; answer <= 20; ++answer) latency.Add(milliseconds(answer == 7 ? 900 : 10));
  EXPECT_EQ(latency.Percentile95(), milliseconds(10));
  latency.Add(milliseconds(900));
  EXPECT_EQ(latency.Percentile95(), milliseconds(900)) << "two of 21 do";
}

TEST(LatencyTest, OldAnswersAreForgotten) {
  Latency latency;
  for (int answer = 0; answer < 64; ++answer) latency.Add(milliseconds(900));
  for (int answer = 0; answer < 64; ++answer) latency.Add(milliseconds(3));
  EXPECT_EQ(latency.Percentile95(), milliseconds(3));
}

}  // namespace
}  // namespace reposfs
