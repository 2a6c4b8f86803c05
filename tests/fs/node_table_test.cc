#include "fs/node_table.h"

#include <gtest/gtest.h>

#include <thread>

namespace reposfs {
namespace {

// A node that is nothing but its identity.
class PlainNode final : public Node {
 public:
  using Node::Node;
  Validity validity() const override { return {kForEver, kForEver}; }
  Outcome<Attributes> GetAttributes() override { return Attributes{}; }
  RepositoryPtr repository() const override {
    ++question_count_;
    return nullptr;
  }

  // How often any of them was asked for its repository.
  static int question_count() { return question_count_; }

 private:
  static inline int question_count_ = 0;
};

// A node that keeps a file of a repository open.
class HeldNode final : public Node {
 public:
  using Node::Node;
  Validity validity() const override { return {kForEver, kForEver}; }
  Outcome<Attributes> GetAttributes() override { return Attributes{}; }
  std::optional<HeldPlace> held_place() const override { return HeldPlace{1, "file"}; }
  RepositoryPtr repository() const override {
    ++question_count_;
    return repository_;
  }

  void BelongTo(RepositoryPtr repository) { repository_ = std::move(repository); }
  int question_count() const { return question_count_; }

 private:
  RepositoryPtr repository_;
  mutable int question_count_ = 0;
};

NodePtr MakeNode(std::uint64_t number, std::uint64_t check) {
  return std::make_shared<PlainNode>(InodeIdentity{number, check});
}

class NodeTableTest : public ::testing::Test {
 protected:
  const NodePtr root_ = MakeNode(1, 0);
  NodeTable table_{root_};
};

TEST_F(NodeTableTest, TheRootIsAlwaysThere) {
  EXPECT_EQ(table_.Find(1), root_);
  table_.Forget(1, 1'000'000);
  EXPECT_EQ(table_.Find(1), root_);
}

TEST_F(NodeTableTest, ANodeIsThereAsLongAsItsLookupsAreNotForgotten) {
  const NodePtr node = MakeNode(10, 1);
  EXPECT_EQ(table_.Remember(node), node);
  table_.Remember(node);
  table_.Remember(node);
  table_.Forget(10, 2);
  EXPECT_EQ(table_.Find(10), node);
  table_.Forget(10, 1);
  EXPECT_EQ(table_.Find(10), nullptr);
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(NodeTableTest, TheNodeThatIsHereStandsForItsTwins) {
  const NodePtr first = table_.Remember(MakeNode(10, 1));
  EXPECT_EQ(table_.Remember(MakeNode(10, 1)), first);
  EXPECT_EQ(table_.size(), 1u);
  table_.Forget(10, 1);
  EXPECT_EQ(table_.Find(10), first);
}

TEST_F(NodeTableTest, NodesWhoseNumbersCollideGetDifferentOnes) {
  const NodePtr first = table_.Remember(MakeNode(10, 1));
  const NodePtr second = table_.Remember(MakeNode(10, 2));
  const NodePtr third = table_.Remember(MakeNode(10, 3));
  EXPECT_EQ(first->ino(), 10u);
  EXPECT_EQ(second->ino(), 11u);
  EXPECT_EQ(third->ino(), 12u);
  EXPECT_EQ(table_.Find(11), second);
  EXPECT_EQ(table_.Remember(MakeNode(10, 2)), second) << "it is found where it went";
}

TEST_F(NodeTableTest, ForgettingMoreThanThereWasIsForgettingAll) {
  table_.Remember(MakeNode(10, 1));
  table_.Forget(10, 99);
  EXPECT_EQ(table_.size(), 0u);
  table_.Forget(10, 1);
  table_.Forget(77, 1);
}

TEST_F(NodeTableTest, WhoHoldsAForgottenNodeKeepsIt) {
  const std::weak_ptr<Node> weak = table_.Remember(MakeNode(10, 1));
  const NodePtr held = table_.Find(10);
  table_.Forget(10, 1);
  EXPECT_EQ(weak.lock(), held);
}

TEST_F(NodeTableTest, ManyNodesComeAndGoInAnyOrder) {
  constexpr std::uint64_t kCount = 10'000;
  // Neighbours and multiples, as a simple hash function would not like them.
  const auto number = [](std::uint64_t i) { return i % 2 == 0 ? 2 + i : (i << 32) + 3; };
  for (std::uint64_t i = 0; i < kCount; ++i) table_.Remember(MakeNode(number(i), 1));
  EXPECT_EQ(table_.size(), kCount);
  for (std::uint64_t i = 0; i < kCount; i += 3) table_.Forget(number(i), 1);
  for (std::uint64_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(table_.Find(number(i)) != nullptr, i % 3 != 0) << i;
  }
  for (std::uint64_t i = kCount; i-- > 0;) table_.Forget(number(i), 1);
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(NodeTableTest, OnlyNodesThatKeepAFileOpenAreAskedWhose) {
  const auto held = std::make_shared<HeldNode>(InodeIdentity{10, 1});
  table_.Remember(held);
  for (std::uint64_t i = 0; i < 1'000; ++i) table_.Remember(MakeNode(100 + i, 1));
  const auto repository =
      std::make_shared<Repository>(RepositoryKey{"host", "owner", "name"}, RepositoryRecord{}, "/",
                                   std::make_shared<BytesOnDisk>());
  EXPECT_TRUE(table_.HeldFiles(*repository).empty()) << "it is another's";
  EXPECT_EQ(held->question_count(), 1);
  EXPECT_EQ(PlainNode::question_count(), 0);
  held->BelongTo(repository);
  EXPECT_EQ(table_.HeldFiles(*repository), std::vector<NodePtr>{held});
  table_.Forget(10, 1);
  EXPECT_TRUE(table_.HeldFiles(*repository).empty());
}

TEST_F(NodeTableTest, CountsAddUpOverThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 1000; ++round) table_.Remember(MakeNode(10, 1));
    });
  }
  for (std::thread& thread : threads) thread.join();
  table_.Forget(10, 3999);
  EXPECT_NE(table_.Find(10), nullptr);
  table_.Forget(10, 1);
  EXPECT_EQ(table_.Find(10), nullptr);
}

}  // namespace
}  // namespace reposfs
