#include "ring/member.h"

#include <gtest/gtest.h>

namespace reposfs {
namespace {

TEST(MemberTest, AddressesAreOnesThatHttpReaches) {
  for (const char* address : {"http://10.0.0.1:7420", "https://node-1.example.org",
                              "http://[::1]:1", "http://[fe80::1]", "http://localhost:65535"}) {
    EXPECT_TRUE(CheckMemberAddress(address)) << address;
  }
  for (const char* address :
       {"", "10.0.0.1:7420", "ftp://a", "http://", "http://a/", "http://a:0", "http://a:65536",
        "http://a:", "http://a:80x", "http://user@a", "http://a b", "http://a\n", "http://a?x",
        "http://[::1", "http://[::1]x", "http://[a]", "http://[]", "http://::1", "http://a#b"}) {
    EXPECT_FALSE(CheckMemberAddress(address)) << address;
  }
  EXPECT_FALSE(CheckMemberAddress("http://" + std::string(2000, 'a')));
}

TEST(MemberTest, IdsAreVisibleWords) {
  EXPECT_TRUE(CheckMemberId("reposfs-0.eu_1:7"));
  for (const char* id : {"", "a b", "a/b", "a\n", "\x1b[1m", "\xc3\xa4"}) {
    EXPECT_FALSE(CheckMemberId(id)) << id;
  }
  EXPECT_FALSE(CheckMemberId(std::string(256, 'a')));
}

TEST(MemberTest, ARefusalShowsNoControlCharacters) {
  const auto status = CheckMemberId("\x1b[31m");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message.find('\x1b'), std::string::npos);
}

TEST(MemberTest, WeightsAreBounded) {
  EXPECT_TRUE(CheckMembers({{"a", "http://a", 1000}}));
  EXPECT_FALSE(CheckMembers({{"a", "http://a", 0}}));
  EXPECT_FALSE(CheckMembers({{"a", "http://a", 1001}}));
}

TEST(MemberTest, LoopbackIsKnownInAllItsForms) {
  for (const char* address :
       {"http://127.0.0.1:7420", "127.9.9.9:1", "http://LocalHost", "[::1]:0", "https://[::1]:1"}) {
    EXPECT_TRUE(IsLoopback(address)) << address;
  }
  for (const char* address :
       {"", "0.0.0.0:7420", "[::]:7420", "http://10.0.0.1", "http://127.0.0.1.org",
        "http://localhost.example.org", "[::1", "[::ffff:10.0.0.1]:1"}) {
    EXPECT_FALSE(IsLoopback(address)) << address;
  }
}

}  // namespace
}  // namespace reposfs
