#include "cache/repository_lock.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/support/temp_dir.h"

namespace reposfs {
namespace {

// Two processes: each lock is a holder of its own.
class RepositoryLockTest : public ::testing::Test {
 protected:
  testing::TempDir directory_{"repository-lock"};
  const std::filesystem::path file_ = directory_ / "1";
  const std::filesystem::path no_file_ = directory_.path();
  RepositoryLock lock_;
  RepositoryLock other_;
};

TEST_F(RepositoryLockTest, ManyUseItAndThenNobodyOwnsIt) {
  EXPECT_TRUE(lock_.Share(file_));
  EXPECT_TRUE(other_.Share(file_));
  RepositoryLock third;
  EXPECT_FALSE(third.TryOwn(file_));
  lock_.Release();
  other_.Release();
  EXPECT_TRUE(third.TryOwn(file_));
}

TEST_F(RepositoryLockTest, WhatNobodyCanTellIsNotOwned) {
  EXPECT_FALSE(lock_.TryOwn(no_file_));
  EXPECT_FALSE(lock_.Share(no_file_));
  EXPECT_FALSE(lock_.LockContent(no_file_));
}

TEST_F(RepositoryLockTest, WhereThereAreNoLocksThereIsNobodyElse) {
  const std::filesystem::path nowhere = directory_ / "none/1";
  EXPECT_TRUE(lock_.TryOwn(nowhere));
  EXPECT_TRUE(lock_.Share(nowhere));
  EXPECT_TRUE(lock_.LockContent(nowhere));
}

TEST_F(RepositoryLockTest, WhoWaitedInVainTriesAgainWithoutWaiting) {
  ASSERT_TRUE(other_.TryOwn(file_));
  EXPECT_FALSE(lock_.Share(file_)) << "it hangs while it evicts";
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(lock_.Share(file_));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
  other_.Release();
  EXPECT_TRUE(lock_.Share(file_));
  EXPECT_FALSE(other_.TryOwn(file_)) << "it is used again";
}

TEST_F(RepositoryLockTest, OneAtATimeChangesTheContent) {
  ASSERT_TRUE(lock_.Share(file_));
  ASSERT_TRUE(lock_.LockContent(file_));
  ASSERT_TRUE(other_.Share(file_));
  lock_.UnlockContent();
  EXPECT_TRUE(other_.LockContent(file_));
}

}  // namespace
}  // namespace reposfs
