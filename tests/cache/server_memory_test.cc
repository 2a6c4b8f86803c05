#include "cache/server_memory.h"

#include <gtest/gtest.h>

namespace reposfs {
namespace {

WireCapabilities Speaks(bool filter) {
  WireCapabilities server;
  server.version2 = true;
  server.filter = filter;
  return server;
}

TEST(ServerMemoryTest, WhatOneRepositorySaysHoldsForItsServer) {
  ServerMemory memory;
  EXPECT_FALSE(memory.Find("https://h/a/b"));
  EXPECT_TRUE(memory.Remember("https://h/a/b", Speaks(true)));
  EXPECT_EQ(memory.Find("https://h/c/d"), Speaks(true));
  EXPECT_FALSE(memory.Find("https://h:8443/a/b"));
  EXPECT_FALSE(memory.Find("http://h/a/b"));
}

TEST(ServerMemoryTest, OneThatDiffersIsRememberedAlone) {
  ServerMemory memory;
  memory.Remember("https://h/a/b", Speaks(true));
  EXPECT_FALSE(memory.Remember("https://h/odd/one", Speaks(false)));
  EXPECT_EQ(memory.Find("https://h/odd/one"), Speaks(false));
  EXPECT_EQ(memory.Find("https://h/c/d"), Speaks(true));
  memory.Remember("https://h/odd/one", Speaks(true));
  EXPECT_EQ(memory.Find("https://h/odd/one"), Speaks(true));
}

TEST(ServerMemoryTest, AGuessThatWasUnderstoodHoldsUntilTheServerSaysMore) {
  ServerMemory memory;
  EXPECT_TRUE(memory.Remember("https://h/a/b", WireCapabilities::Guess()));
  EXPECT_EQ(memory.Find("https://h/c/d"), WireCapabilities::Guess());
  WireCapabilities said = WireCapabilities::Guess();
  said.guessed = false;
  said.unborn = true;
  memory.Remember("https://h/a/b", said);
  EXPECT_EQ(memory.Find("https://h/c/d"), said) << "it says nothing against the guess";
  EXPECT_FALSE(memory.Remember("https://h/a/b", WireCapabilities::Guess()));
  EXPECT_EQ(memory.Find("https://h/a/b"), said);
}

TEST(ServerMemoryTest, OneThatContradictsAGuessIsRememberedAlone) {
  ServerMemory memory;
  memory.Remember("https://h/a/b", WireCapabilities::Guess());
  memory.Remember("https://h/odd/one", Speaks(false));
  EXPECT_EQ(memory.Find("https://h/odd/one"), Speaks(false));
  EXPECT_EQ(memory.Find("https://h/c/d"), WireCapabilities::Guess());
}

TEST(ServerMemoryTest, IsBounded) {
  ServerMemory memory;
  memory.Remember("https://first/a/b", Speaks(true));
  for (std::size_t i = 0; i < ServerMemory::kEntryCountMax; ++i) {
    memory.Remember("https://h" + std::to_string(i) + "/a/b", Speaks(true));
  }
  EXPECT_FALSE(memory.Find("https://first/a/b"));
}

}  // namespace
}  // namespace reposfs
