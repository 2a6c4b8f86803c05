#include "ring/etcd_json.h"

#include <gtest/gtest.h>

namespace reposfs {
namespace {

using nlohmann::json;

TEST(EtcdJsonTest, Base64GoesThereAndBack) {
  EXPECT_EQ(EncodeBase64(""), "");
  EXPECT_EQ(EncodeBase64("f"), "Zg==");
  EXPECT_EQ(EncodeBase64("fo"), "Zm8=");
  EXPECT_EQ(EncodeBase64("foo"), "Zm9v");
  EXPECT_EQ(EncodeBase64("\xff\xfe\xfd"), "//79");
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes += static_cast<char>(i);
    EXPECT_EQ(DecodeBase64(EncodeBase64(bytes)), bytes);
  }
}

TEST(EtcdJsonTest, WhatIsNoBase64IsRefused) {
  EXPECT_EQ(DecodeBase64("Zm9v\n"), std::nullopt);
  EXPECT_EQ(DecodeBase64("Zm9vZ"), std::nullopt);
  EXPECT_EQ(DecodeBase64("Z=9v"), std::nullopt);
}

TEST(EtcdJsonTest, TheEndOfAPrefixIsTheNextKeyThatDoesNotBeginWithIt) {
  EXPECT_EQ(EndOfPrefix("locks/"), "locks0");
  EXPECT_EQ(EndOfPrefix("a\xff"), "b");
  EXPECT_EQ(EndOfPrefix("\xff\xff"), std::string(1, '\0'));
}

TEST(EtcdJsonTest, NumbersOf64BitsAreText) {
  EXPECT_EQ(JsonInt64({{"n", "9223372036854775807"}}, "n"), INT64_MAX);
  EXPECT_EQ(JsonInt64({{"n", 7}}, "n"), 7);
}

TEST(EtcdJsonTest, WhatIsNotThereOrOfAnotherTypeIsEmpty) {
  EXPECT_EQ(JsonInt64({{"n", "7x"}}, "n"), 0);
  EXPECT_EQ(JsonInt64({{"n", "99999999999999999999"}}, "n"), 0);
  EXPECT_EQ(JsonInt64(json::array(), "n"), 0);
  EXPECT_EQ(JsonText({{"t", 7}}, "t"), "");
  EXPECT_FALSE(JsonBool({{"b", "true"}}, "b"));
  EXPECT_EQ(KeyValueOf({{"key", "***"}}).key, "");
}

TEST(EtcdJsonTest, TheGatewaysErrorsSayWhatToDo) {
  const auto code_of = [](int grpc, const char* message) {
    return EtcdError(400, {{"code", grpc}, {"message", message}}).code;
  };
  EXPECT_EQ(code_of(5, "etcdserver: requested lease not found"), Errc::kNotFound);
  EXPECT_EQ(code_of(7, "etcdserver: permission denied"), Errc::kAccessDenied);
  EXPECT_EQ(code_of(14, "etcdserver: no leader"), Errc::kUnreachable);
  const Error full = EtcdError(429, {{"code", 8}, {"message", "mvcc: database space exceeded"}});
  EXPECT_EQ(full.code, Errc::kNoSpace);
  EXPECT_NE(full.message.find("alarm disarm"), std::string::npos);
  const Error nobody = EtcdError(400, {{"code", 3}, {"message", "etcdserver: user name is empty"}});
  EXPECT_EQ(nobody.code, Errc::kAccessDenied);
  EXPECT_NE(nobody.message.find("ring.etcd.username"), std::string::npos);
  EXPECT_EQ(EtcdError(404, json(json::value_t::discarded)).code, Errc::kUnreachable);
}

}  // namespace
}  // namespace reposfs
