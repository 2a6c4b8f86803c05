#include "cache/blob_cache.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace reposfs {
namespace {

// Blobs that count how often they are read, and fail on demand.
class BlobCacheTest : public ::testing::Test {
 protected:
  void TearDown() override {
    cache_.reset();
    EXPECT_EQ(testing::OpenFdCount(), fd_count_) << "leaked";
    EXPECT_TRUE(testing::List(scratch_.path()).empty()) << "spilled files have no name";
  }

  static BlobCache::Key Key(int number) {
    Oid oid;
    oid.bytes[0] = static_cast<std::uint8_t>(number);
    return {1, oid};
  }

  BlobCache::Load Load(const std::string& content) {
    return [this, content]() -> Result<Content> {
      ++reads_;
      return std::make_shared<const std::string>(content);
    };
  }

  BlobDataPtr Get(int number, const std::string& content) {
    auto data = cache_->Get(Key(number), Load(content));
    EXPECT_TRUE(data);
    return data ? *data : nullptr;
  }

  const std::size_t fd_count_ = testing::OpenFdCount();
  testing::TempDir scratch_{"blob-cache"};
  std::unique_ptr<BlobCache> cache_ = std::make_unique<BlobCache>(8, scratch_.path());
  std::atomic<int> reads_{0};
};

TEST_F(BlobCacheTest, AKeptBlobIsNotReadAgain) {
  EXPECT_EQ(*Get(1, "four")->content(), "four");
  EXPECT_EQ(*Get(1, "four")->content(), "four");
  EXPECT_EQ(reads_, 1);
  EXPECT_NE(cache_->Peek(Key(1)), nullptr);
  EXPECT_EQ(cache_->Peek(Key(2)), nullptr);
}

TEST_F(BlobCacheTest, MemoryStaysWithinItsBound) {
  for (const int number : {1, 2, 3}) Get(number, "four");
  EXPECT_EQ(cache_->memory_bytes(), 8u);
  EXPECT_EQ(cache_->Peek(Key(1)), nullptr) << "the one read least recently goes";
  EXPECT_NE(cache_->Peek(Key(2)), nullptr);
  EXPECT_NE(cache_->Peek(Key(3)), nullptr);
}

TEST_F(BlobCacheTest, ReadingMakesABlobRecent) {
  Get(1, "four");
  Get(2, "four");
  cache_->Peek(Key(1));
  Get(3, "four");
  EXPECT_NE(cache_->Peek(Key(1)), nullptr);
  EXPECT_EQ(cache_->Peek(Key(2)), nullptr);
}

TEST_F(BlobCacheTest, ABlobLargerThanTheCacheIsGivenButNotKept) {
  Get(1, "four");
  EXPECT_EQ(Get(2, "nine bytes")->size_bytes(), 10u);
  EXPECT_EQ(cache_->Peek(Key(2)), nullptr);
  EXPECT_NE(cache_->Peek(Key(1)), nullptr) << "and nothing had to go for it";
}

TEST_F(BlobCacheTest, ABlobReadToItsEndIsDropped) {
  const BlobDataPtr data = Get(1, "four");
  cache_->NoteRead(Key(1), 1);  // The last byte, say: the order is the kernel's.
  EXPECT_EQ(cache_->memory_bytes(), 4u) << "the rest will be asked for";
  cache_->NoteRead(Key(1), 3);
  cache_->NoteRead(Key(1), 3);
  EXPECT_EQ(cache_->memory_bytes(), 0u);
  EXPECT_EQ(*data->content(), "four") << "whoever holds it keeps it";
}

TEST_F(BlobCacheTest, WhatNobodyAskedForSinceTheLastTimeIsDropped) {
  Get(1, "four");
  Get(2, "four");
  cache_->DropUnused();
  EXPECT_EQ(cache_->memory_bytes(), 8u) << "both are new";
  cache_->Peek(Key(1));
  Get(2, "four");
  cache_->DropUnused();
  EXPECT_EQ(cache_->memory_bytes(), 4u);
  EXPECT_NE(cache_->Peek(Key(2)), nullptr);
}

TEST_F(BlobCacheTest, FailureIsReportedButNotRemembered) {
  const auto failed = cache_->Get(Key(1), [&]() -> Result<Content> {
    return Error{Errc::kIo, "unreadable"};
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Errc::kIo);
  EXPECT_EQ(cache_->memory_bytes(), 0u);
  EXPECT_EQ(*Get(1, "four")->content(), "four") << "the next call should read the source again";
}

TEST_F(BlobCacheTest, ConcurrentMissesOfOneBlobReadItOnce) {
  std::promise<void> proceed;
  std::shared_future<void> may_proceed = proceed.get_future().share();
  std::promise<void> reading;
  const BlobCache::Load slow = [&]() -> Result<Content> {
    if (++reads_ == 1) reading.set_value();
    may_proceed.wait();
    return std::make_shared<const std::string>("four");
  };
  std::vector<std::thread> threads;
  std::atomic<int> got{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      if (cache_->Get(Key(1), slow)) ++got;
    });
  }
  reading.get_future().wait();
  proceed.set_value();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(got, 8);
  EXPECT_EQ(reads_, 1);
}

TEST_F(BlobCacheTest, ASlowBlobDelaysNoOther) {
  std::promise<void> proceed;
  std::promise<void> reading;
  std::thread slow([&] {
    EXPECT_TRUE(cache_->Get(Key(1), [&]() -> Result<Content> {
      reading.set_value();
      proceed.get_future().wait();
      return std::make_shared<const std::string>("four");
    }));
  });
  reading.get_future().wait();
  EXPECT_EQ(*Get(2, "four")->content(), "four");
  proceed.set_value();
  slow.join();
}

TEST_F(BlobCacheTest, ALargeBlobGoesThroughAFile) {
  std::string content(BlobCache::kSpillBytes + 1, 'x');
  content.back() = 'y';
  const BlobDataPtr data = Get(1, content);
  ASSERT_FALSE(data->in_memory());
  EXPECT_EQ(data->size_bytes(), content.size());
  EXPECT_EQ(cache_->memory_bytes(), 0u);
  char last[2] = {};
  EXPECT_EQ(::pread(data->fd(), last, 2, static_cast<off_t>(content.size() - 2)), 2);
  EXPECT_EQ(std::string(last, 2), "xy");
}

TEST_F(BlobCacheTest, ABlobOfExactlyTheLimitStaysInMemory) {
  EXPECT_TRUE(Get(1, std::string(BlobCache::kSpillBytes, 'x'))->in_memory());
}

TEST_F(BlobCacheTest, SpilledFilesAreFew) {
  const std::string content(BlobCache::kSpillBytes + 1, 'x');
  for (std::size_t i = 0; i <= BlobCache::kSpilledCountMax; ++i) {
    Get(static_cast<int>(i), content);
  }
  EXPECT_EQ(testing::OpenFdCount(), fd_count_ + BlobCache::kSpilledCountMax);
  EXPECT_EQ(cache_->Peek(Key(0)), nullptr);
}

TEST_F(BlobCacheTest, WithoutRoomToSpillTheErrorIsTold) {
  BlobCache cache(8, scratch_ / "none");
  const auto data = cache.Get(Key(1), Load(std::string(BlobCache::kSpillBytes + 1, 'x')));
  ASSERT_FALSE(data);
  EXPECT_EQ(data.error().code, Errc::kNotFound);
}

}  // namespace
}  // namespace reposfs
