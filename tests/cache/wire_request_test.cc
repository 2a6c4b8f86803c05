#include "cache/wire_request.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/cache/pkt_text.h"

namespace reposfs {
namespace {

Oid Id(char digit) {
  return *Oid::FromHex(std::string(40, digit));
}
std::string Hex(char digit) {
  return Id(digit).Hex();
}

WireCapabilities Modern() {
  WireCapabilities server;
  server.version2 = true;
  for (const char* line :
       {"agent=git/2.39.5", "ls-refs=unborn", "fetch=shallow wait-for-done filter", "server-option",
        "object-format=sha1", "object-info"}) {
    server.Add(line);
  }
  return server;
}

std::size_t Count(const std::vector<std::string>& lines, std::string_view line) {
  return static_cast<std::size_t>(std::count(lines.begin(), lines.end(), line));
}

const std::string kAgent = "agent=" + std::string(kWireAgent);

TEST(WireCapabilitiesTest, AreReadFromTheAdvertisement) {
  const WireCapabilities server = Modern();
  EXPECT_TRUE(server.agent);
  EXPECT_TRUE(server.unborn);
  EXPECT_TRUE(server.shallow);
  EXPECT_TRUE(server.filter);
  EXPECT_EQ(server.object_format, "sha1");
}

TEST(WireCapabilitiesTest, WordsMustBeWhole) {
  WireCapabilities server;
  server.Add("fetch=shallower un-filter");
  server.Add("ls-refs");
  EXPECT_EQ(server, WireCapabilities());
}

TEST(LsRefsRequestTest, AsksForWhatAViewCanBeNamedFor) {
  const std::vector<std::string> expected = {"command=ls-refs",
                                             kAgent,
                                             "object-format=sha1",
                                             "--",
                                             "peel",
                                             "symrefs",
                                             "unborn",
                                             "ref-prefix HEAD",
                                             "ref-prefix refs/heads/",
                                             "ref-prefix refs/tags/",
                                             "."};
  EXPECT_EQ(Lines(LsRefsRequest(Modern())), expected);
}

TEST(LsRefsRequestTest, SaysNothingThatTheServerDoesNotKnow) {
  const std::vector<std::string> expected = {
      "command=ls-refs",       "--", "peel", "symrefs", "ref-prefix HEAD", "ref-prefix refs/heads/",
      "ref-prefix refs/tags/", "."};
  EXPECT_EQ(Lines(LsRefsRequest(WireCapabilities())), expected);
}

TEST(FetchMessageTest, ATipIsOneCommitWithoutBlobs) {
  WireFetch fetch;
  fetch.wants = {Id('1')};
  fetch.depth = FetchDepth::kCommitOnly;
  fetch.without_blobs = true;
  const std::vector<std::string> expected = {
      "command=fetch", kAgent,     "object-format=sha1", "--",          "thin-pack",
      "ofs-delta",     "deepen 1", "filter blob:none",   "no-progress", "want " + Hex('1'),
      "done",          "."};
  EXPECT_EQ(Lines(FetchMessage(Modern(), fetch)), expected);
}

TEST(FetchMessageTest, TellsWhatIsHereAndWhereItEnds) {
  WireFetch fetch;
  fetch.wants = {Id('1'), Id('2')};
  fetch.haves = {Id('3')};
  fetch.shallow = {Id('3')};
  fetch.depth = FetchDepth::kUnshallow;
  const std::vector<std::string> expected = {"command=fetch",
                                             kAgent,
                                             "object-format=sha1",
                                             "--",
                                             "thin-pack",
                                             "ofs-delta",
                                             "shallow " + Hex('3'),
                                             "deepen 2147483647",
                                             "want " + Hex('1'),
                                             "want " + Hex('2'),
                                             "have " + Hex('3'),
                                             "done",
                                             "."};
  EXPECT_EQ(Lines(FetchMessage(Modern(), fetch)), expected);
}

TEST(FetchMessageTest, AServerWithoutFiltersIsAskedForNone) {
  WireFetch fetch;
  fetch.wants = {Id('1')};
  fetch.without_blobs = true;
  EXPECT_EQ(Count(Lines(FetchMessage(WireCapabilities(), fetch)), "filter blob:none"), 0u);
}

TEST(FetchMessageTest, OnlySoManyHavesAreTold) {
  WireFetch fetch;
  fetch.wants = {Id('1')};
  fetch.haves.assign(kHavesMax + 1, Id('3'));
  EXPECT_EQ(Count(Lines(FetchMessage(Modern(), fetch)), "have " + Hex('3')), kHavesMax);
}

}  // namespace
}  // namespace reposfs
