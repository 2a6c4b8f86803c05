#include "fs/inode_number.h"

#include <gtest/gtest.h>

#include <set>

namespace reposfs {
namespace {

constexpr InodeIdentity kRoot{1, 0};

TEST(InodeNumberTest, IsTheSameInEveryProcessOfEveryVersion) {
  // Written down once.  A change here makes git read every file of every mounted checkout again.
  const InodeIdentity identity = IdentityOf(kRoot, "name", "content");
  EXPECT_EQ(identity.number, 0xae8b3b196715bc86u);
  EXPECT_EQ(identity.check, 0x7635042ad6e956f3u);
}

TEST(InodeNumberTest, DependsOnEachPart) {
  const InodeIdentity identity = IdentityOf(kRoot, "name", "content");
  for (const InodeIdentity& other :
       {IdentityOf({2, 0}, "name", "content"), IdentityOf({1, 1}, "name", "content"),
        IdentityOf(kRoot, "nam", "content"), IdentityOf(kRoot, "name", "conten"),
        IdentityOf(kRoot, "namec", "ontent"), IdentityOf(kRoot, "content", "name")}) {
    EXPECT_NE(other.number, identity.number);
    EXPECT_NE(other.check, identity.check);
  }
}

TEST(InodeNumberTest, IsNeverOneThatTheKernelReserves) {
  std::set<std::uint64_t> numbers;
  for (int i = 0; i < 100'000; ++i) {
    const InodeIdentity identity = IdentityOf(kRoot, std::to_string(i), "");
    EXPECT_GE(identity.number, 2u);
    numbers.insert(identity.number);
  }
  EXPECT_EQ(numbers.size(), 100'000u);
}

}  // namespace
}  // namespace reposfs
