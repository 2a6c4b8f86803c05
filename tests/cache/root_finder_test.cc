#include "cache/root_finder.h"

#include <gtest/gtest.h>

#include <string>

#include "cache/object_hash.h"

namespace reposfs {
namespace {

std::string Entry(const std::string& mode, const std::string& name, char id) {
  return mode + " " + name + '\0' + std::string(Oid::kSize, id);
}

const std::string kTree = Entry("100644", "README", 'a') + Entry("40000", "src", 'b');
const std::string kOtherTree = Entry("100644", "other", 'c');

std::string CommitOf(const std::string& tree, const std::string& message) {
  return "tree " + HashObject(ObjectType::kTree, tree)->Hex() +
         "\nauthor A <a@example.org> 1000 +0000\ncommitter A <a@example.org> 1000 +0000\n\n" +
         message;
}

const std::string kCommit = CommitOf(kTree, "wanted\n");

Oid IdOfCommit(const std::string& content) {
  return *HashObject(ObjectType::kCommit, content);
}

TEST(RootFinderTest, FindsTheCommitAndThenItsTree) {
  RootFinder finder(IdOfCommit(kCommit));
  EXPECT_FALSE(finder.Take(ObjectType::kCommit, kCommit));
  const auto root = finder.Take(ObjectType::kTree, kTree);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->commit.tree, *HashObject(ObjectType::kTree, kTree));
  EXPECT_EQ(root->commit.committer_time_s, 1000);
  ASSERT_EQ(root->tree.entries.size(), 2u);
  EXPECT_EQ(root->tree.entries[0].name, "README");
  EXPECT_FALSE(finder.Take(ObjectType::kTree, kTree)) << "it is told once";
}

TEST(RootFinderTest, OthersAreNotTakenForThem) {
  RootFinder finder(IdOfCommit(kCommit));
  EXPECT_FALSE(finder.Take(ObjectType::kTree, kTree)) << "whose it is, is not known yet";
  EXPECT_FALSE(finder.Take(ObjectType::kCommit, CommitOf(kOtherTree, "other\n")));
  EXPECT_FALSE(finder.Take(ObjectType::kTree, kOtherTree));
  EXPECT_FALSE(finder.Take(ObjectType::kCommit, kCommit));
  EXPECT_FALSE(finder.Take(ObjectType::kTree, kOtherTree));
  EXPECT_FALSE(finder.Take(ObjectType::kBlob, kTree));
  EXPECT_TRUE(finder.Take(ObjectType::kTree, kTree));
}

TEST(RootFinderTest, WhatBreaksTheRulesForObjectsIsNotShown) {
  const std::string broken = "x" + kTree;
  const std::string commit = CommitOf(broken, "its tree is malformed\n");
  RootFinder finder(IdOfCommit(commit));
  EXPECT_FALSE(finder.Take(ObjectType::kCommit, commit));
  EXPECT_FALSE(finder.Take(ObjectType::kTree, broken));
}

TEST(RootFinderTest, ItGivesUpAfterAWhile) {
  RootFinder finder(IdOfCommit(kCommit));
  for (int number = 0; number < RootFinder::kCandidateCountMax; ++number) {
    EXPECT_FALSE(
        finder.Take(ObjectType::kCommit, CommitOf(kTree, "other " + std::to_string(number))));
  }
  EXPECT_FALSE(finder.Take(ObjectType::kCommit, kCommit));
  EXPECT_FALSE(finder.Take(ObjectType::kTree, kTree));
}

}  // namespace
}  // namespace reposfs
