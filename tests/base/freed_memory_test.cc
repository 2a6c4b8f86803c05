#include "base/freed_memory.h"

#include <gtest/gtest.h>

namespace reposfs {
namespace {

constexpr std::size_t kLittle = 1'000;
constexpr std::size_t kMuch = 10'000'000;

TEST(FreedMemoryTest, ALittleIsNotWorthIt) {
  FreedMemory freed;
  freed.NoteFreed(kLittle);
  EXPECT_FALSE(freed.GiveBackIfDue());
  EXPECT_FALSE(freed.GiveBackIfDue());
}

TEST(FreedMemoryTest, MuchIsGivenBackOnceTheFreeingIsOver) {
  FreedMemory freed;
  freed.NoteFreed(kMuch);
  EXPECT_FALSE(freed.GiveBackIfDue()) << "more may be about to come";
  freed.NoteFreed(kMuch);
  EXPECT_FALSE(freed.GiveBackIfDue());
  freed.NoteFreed(kLittle);
  EXPECT_TRUE(freed.GiveBackIfDue());
  EXPECT_FALSE(freed.GiveBackIfDue()) << "there is nothing left to give";
}

TEST(FreedMemoryTest, LittlesAddUp) {
  FreedMemory freed;
  int given_back_count = 0;
  for (std::size_t sum = 0; sum < kMuch; sum += kLittle) {
    freed.NoteFreed(kLittle);
    if (freed.GiveBackIfDue()) ++given_back_count;
  }
  EXPECT_GT(given_back_count, 1);
  EXPECT_LT(given_back_count, 10);
}

}  // namespace
}  // namespace reposfs
