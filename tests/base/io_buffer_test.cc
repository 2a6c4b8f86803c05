#include "base/io_buffer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <utility>

namespace reposfs {
namespace {

constexpr std::size_t kSize = 2 * IoBufferPool::kAlignmentBytes;

TEST(IoBufferPoolTest, AllocatesNothingBeforeTheFirstLease) {
  IoBufferPool pool(2, kSize);
  EXPECT_TRUE(pool.memory().empty());
  const IoBuffer buffer = pool.Lease();
  EXPECT_EQ(pool.memory().size(), 2 * kSize);
}

TEST(IoBufferPoolTest, LeasesAreApartAndAligned) {
  IoBufferPool pool(2, kSize);
  const IoBuffer first = pool.Lease();
  const IoBuffer second = pool.Lease();
  EXPECT_EQ(pool.IndexOf(first.bytes()), 0u);
  EXPECT_EQ(pool.IndexOf(second.bytes()), 1u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first.bytes().data()) % IoBufferPool::kAlignmentBytes,
            0u);
}

TEST(IoBufferPoolTest, AnEmptyPoolLeasesOrdinaryMemory) {
  IoBufferPool pool(1, kSize);
  const IoBuffer first = pool.Lease();
  const IoBuffer second = pool.Lease();
  EXPECT_EQ(second.bytes().size(), kSize);
  EXPECT_FALSE(pool.IndexOf(second.bytes()));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(second.bytes().data()) % IoBufferPool::kAlignmentBytes,
            0u);
}

TEST(IoBufferPoolTest, WhatIsReturnedIsLeasedAgain) {
  IoBufferPool pool(1, kSize);
  const char* data = nullptr;
  {
    IoBuffer first = pool.Lease();
    data = first.bytes().data();
    const IoBuffer moved = std::move(first);
    EXPECT_EQ(moved.bytes().data(), data);
  }
  EXPECT_EQ(pool.Lease().bytes().data(), data);
}

TEST(IoBufferPoolTest, ARangeOverTwoBuffersIsInNeither) {
  IoBufferPool pool(2, kSize);
  const IoBuffer buffer = pool.Lease();
  EXPECT_EQ(pool.IndexOf(pool.memory().subspan(kSize - 1, 1)), 0u);
  EXPECT_FALSE(pool.IndexOf(pool.memory().subspan(kSize - 1, 2)));
  EXPECT_FALSE(pool.IndexOf(std::span<const char>("elsewhere")));
}

}  // namespace
}  // namespace reposfs
