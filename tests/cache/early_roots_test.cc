#include "cache/early_roots.h"

#include <gtest/gtest.h>

#include "tests/cache/packed_repository.h"

namespace reposfs {
namespace {

class EarlyRootsTest : public ::testing::Test {
 protected:
  static constexpr std::int64_t kRepository = 7;
  const Oid id_ = OidOf(std::string(40, '1'));
  const EarlyRoots::Key key_{kRepository, id_};
  const Commit commit_{OidOf(std::string(40, '2')), 1000};

  EarlyRoots roots_;
  const FlightPtr tip_ = std::make_shared<Flight>();
};

TEST_F(EarlyRootsTest, WhoWaitsIsToldWhenItIsFound) {
  const FlightPtr flight = roots_.Await(key_, tip_);
  EXPECT_EQ(roots_.Await(key_, tip_), flight);
  EXPECT_FALSE(flight->landed());
  EXPECT_FALSE(roots_.Find(key_));
  roots_.Found(key_, commit_, tip_);
  ASSERT_TRUE(flight->landed());
  EXPECT_TRUE(flight->Wait());
  ASSERT_TRUE(roots_.Find(key_));
  EXPECT_EQ(roots_.Find(key_)->tree, commit_.tree);
  EXPECT_FALSE(roots_.Find({kRepository + 1, id_})) << "another repository";
}

TEST_F(EarlyRootsTest, WhatIsNotFoundLandsWithTheTip) {
  const FlightPtr flight = roots_.Await(key_, tip_);
  tip_->Land(Error{Errc::kUnreachable, "lost"});
  ASSERT_TRUE(flight->landed());
  EXPECT_EQ(flight->Wait().error().message, "lost");
  EXPECT_TRUE(roots_.Await(key_, tip_)->landed()) << "it has landed before";
}

TEST_F(EarlyRootsTest, NothingIsKeptAfterTheTipHasLanded) {
  roots_.Await(key_, tip_);
  roots_.Found(key_, commit_, tip_);
  tip_->Land({});
  EXPECT_FALSE(roots_.Find(key_));
}

TEST_F(EarlyRootsTest, WhoComesLaterIsToldAtOnce) {
  roots_.Found(key_, commit_, tip_);
  EXPECT_TRUE(roots_.Find(key_));
  EXPECT_TRUE(roots_.Await(key_, tip_)->landed());
  tip_->Land({});
  EXPECT_FALSE(roots_.Find(key_));
}

TEST_F(EarlyRootsTest, NothingIsKeptWhoseTipHasLandedBefore) {
  tip_->Land({});
  roots_.Found(key_, commit_, tip_);
  EXPECT_FALSE(roots_.Find(key_));
}

TEST_F(EarlyRootsTest, AnEarlierTipForgetsOnlyItsOwn) {
  roots_.Await(key_, tip_);
  tip_->Land({});
  const auto next = std::make_shared<Flight>();
  const FlightPtr flight = roots_.Await(key_, next);
  EXPECT_FALSE(flight->landed());
  roots_.Found(key_, commit_, next);
  EXPECT_TRUE(roots_.Find(key_));
}

TEST_F(EarlyRootsTest, ProgressOfTheTipKeepsItAlive) {
  const FlightPtr flight = roots_.Await(key_, tip_);
  const auto before = flight->last_progress();
  while (std::chrono::steady_clock::now() <= before) {
  }
  tip_->NoteProgress();
  EXPECT_GT(flight->last_progress(), before);
}

}  // namespace
}  // namespace reposfs
