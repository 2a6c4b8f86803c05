#include "base/byte_pipe.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

namespace reposfs {
namespace {

using std::chrono::milliseconds;

BytePipe::Limits Small() {
  BytePipe::Limits limits;
  limits.capacity_bytes = 8;
  return limits;
}

// What Take() gives, as text; "<wait>", "<end>" and "<failed>" stand for the rest.
std::string TakeText(BytePipe& pipe, std::size_t room, std::function<void()> wake = nullptr) {
  std::string out(room, '\0');
  const auto taken = pipe.Take(out.data(), room, std::move(wake));
  if (!taken) return "<failed>";
  if (!*taken) return "<wait>";
  if (**taken == 0) return "<end>";
  return out.substr(0, **taken);
}

TEST(BytePipeTest, GivesWhatWasPutAndThenTheEnd) {
  BytePipe pipe(Small());
  ASSERT_TRUE(pipe.Put("abc"));
  ASSERT_TRUE(pipe.Put("de"));
  pipe.Finish({});
  EXPECT_EQ(TakeText(pipe, 4), "abcd");
  EXPECT_EQ(TakeText(pipe, 4), "e");
  EXPECT_EQ(TakeText(pipe, 4), "<end>");
}

TEST(BytePipeTest, AFailureComesAfterTheBytesBeforeIt) {
  BytePipe pipe(Small());
  ASSERT_TRUE(pipe.Put("abc"));
  pipe.Finish(Error{Errc::kIo, "broken"});
  EXPECT_EQ(TakeText(pipe, 4), "abc");
  EXPECT_EQ(TakeText(pipe, 4), "<failed>");
}

TEST(BytePipeTest, AnEmptyPipeWakesItsTakerOnce) {
  BytePipe pipe(Small());
  int woken = 0;
  EXPECT_EQ(TakeText(pipe, 4, [&] { ++woken; }), "<wait>");
  ASSERT_TRUE(pipe.Put("a"));
  ASSERT_TRUE(pipe.Put("b"));
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(TakeText(pipe, 4), "ab");
  EXPECT_EQ(TakeText(pipe, 4, [&] { ++woken; }), "<wait>");
  pipe.Finish({});
  EXPECT_EQ(woken, 2);
}

TEST(BytePipeTest, TheMakerWaitsForTheTaker) {
  BytePipe pipe(Small());
  std::atomic<std::size_t> put_bytes{0};
  std::thread maker([&] {
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(pipe.Put("0123456789"));
      put_bytes += 10;
    }
    pipe.Finish({});
  });
  std::size_t taken_bytes = 0;
  for (std::string text; text != "<end>"; text = TakeText(pipe, 3)) {
    if (!text.starts_with('<')) taken_bytes += text.size();
    // One Put() begins below the capacity, and one may be about to be counted.
    EXPECT_LE(put_bytes.load(), taken_bytes + 8 + 20);
  }
  maker.join();
  EXPECT_EQ(taken_bytes, 1000u);
}

TEST(BytePipeTest, AMakerWhoseTakerHasGoneIsTold) {
  BytePipe pipe(Small());
  ASSERT_TRUE(pipe.Put("0123456789"));
  EXPECT_TRUE(pipe.KeepGoing());
  std::thread taker([&] { pipe.Abandon(); });
  const Status put = pipe.Put("more");
  taker.join();
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, Errc::kInterrupted);
  EXPECT_EQ(pipe.KeepGoing().error().code, Errc::kInterrupted);
}

TEST(BytePipeTest, ATakerThatTricklesIsGivenUp) {
  BytePipe::Limits limits = Small();
  limits.window = milliseconds(20);
  limits.window_bytes = 4;
  BytePipe pipe(limits);
  ASSERT_TRUE(pipe.Put("0123456789"));
  EXPECT_EQ(TakeText(pipe, 1), "0");
  const Status put = pipe.Put("more");
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, Errc::kTimedOut);
}

}  // namespace
}  // namespace reposfs
