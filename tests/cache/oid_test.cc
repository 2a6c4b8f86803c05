#include "cache/oid.h"

#include <gtest/gtest.h>

namespace reposfs {
namespace {

constexpr char kHex[] = "0123456789abcdef0123456789abcdef01234567";

TEST(OidTest, IsWhatItsHexadecimalDigitsSay) {
  const auto oid = Oid::FromHex(kHex);
  ASSERT_TRUE(oid);
  EXPECT_EQ(oid->bytes[0], 0x01);
  EXPECT_EQ(oid->bytes[19], 0x67);
  EXPECT_EQ(oid->Hex(), kHex);
}

TEST(OidTest, UpperCaseIsTheSameId) {
  EXPECT_EQ(Oid::FromHex("0123456789ABCDEF0123456789ABCDEF01234567"), Oid::FromHex(kHex));
}

TEST(OidTest, NothingButFortyDigitsIsAnId) {
  const std::string hex = kHex;
  EXPECT_FALSE(Oid::FromHex(""));
  EXPECT_FALSE(Oid::FromHex(hex.substr(1)));
  EXPECT_FALSE(Oid::FromHex(hex + "0"));
  EXPECT_FALSE(Oid::FromHex("g" + hex.substr(1)));
  EXPECT_FALSE(Oid::FromHex(hex.substr(1) + " "));
}

TEST(OidTest, TheNullIdStandsForNoObject) {
  EXPECT_TRUE(Oid{}.IsNull());
  EXPECT_FALSE(Oid::FromHex(kHex)->IsNull());
  EXPECT_EQ(Oid{}.Hex(), std::string(40, '0'));
}

TEST(OidTest, IdsSortAsTheirDigitsDo) {
  EXPECT_LT(*Oid::FromHex("7f" + std::string(38, '0')), *Oid::FromHex("80" + std::string(38, '0')));
}

}  // namespace
}  // namespace reposfs
