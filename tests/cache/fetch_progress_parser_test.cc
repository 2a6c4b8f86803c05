#include "cache/fetch_progress_parser.h"

#include <gtest/gtest.h>

namespace reposfs {
namespace {

constexpr char kErrors[] =
    "remote: Enumerating objects: 456, done.\n"
    "remote: Receiving objects:  99% (1/2)\n"
    "Receiving objects:   0% (1/456)\rReceiving objects:  45% (206/456), 12.30 MiB | 5.00 MiB/s\r"
    "Receiving objects: 100% (456/456), 20.00 MiB | 5.00 MiB/s, done.\n"
    "Resolving deltas: 100% (10/10), done.\n";

TEST(FetchProgressTest, NothingIsKnownAtFirst) {
  const FetchProgressParser parser;
  EXPECT_EQ(parser.progress().object_count, 0u);
  EXPECT_EQ(parser.progress().object_count_total, 0u);
}

TEST(FetchProgressTest, TheLastWholeLineCounts) {
  FetchProgressParser parser;
  parser.Add("Receiving objects:  45% (206/456), 12.30 MiB | 5.00 MiB/s\rReceiving obj");
  EXPECT_EQ(parser.progress().object_count, 206u);
  EXPECT_EQ(parser.progress().object_count_total, 456u);
}

TEST(FetchProgressTest, PiecesOfAnySizeTellTheSame) {
  const std::string_view whole = kErrors;
  for (std::size_t size = 1; size <= whole.size(); ++size) {
    FetchProgressParser parser;
    for (std::size_t i = 0; i < whole.size(); i += size) parser.Add(whole.substr(i, size));
    EXPECT_EQ(parser.progress().object_count, 456u) << "in pieces of " << size;
    EXPECT_EQ(parser.progress().object_count_total, 456u);
  }
}

TEST(FetchProgressTest, ALineOfAnotherKindOrFormIsIgnored) {
  for (const char* line :
       {"Receiving objects: 45%\n", "Receiving objects: (x/456)\n", "Receiving objects: (12)\n",
        "Receiving objects: (12/\n", "Receiving objects: (12/x)\n",
        "Receiving objects: (99999999999999999999999/1)\n", "Resolving deltas: (1/2)\n", "\n"}) {
    FetchProgressParser parser;
    parser.Add(line);
    EXPECT_EQ(parser.progress().object_count, 0u) << line;
    EXPECT_EQ(parser.progress().object_count_total, 0u) << line;
  }
}

TEST(FetchProgressTest, ALineWithoutEndDoesNotStopIt) {
  FetchProgressParser parser;
  for (int i = 0; i < 100; ++i) parser.Add(std::string(1000, 'x'));
  parser.Add("\nReceiving objects: (3/4)\n");
  EXPECT_EQ(parser.progress().object_count, 3u);
}

}  // namespace
}  // namespace reposfs
