#include "cache/wire_response.h"

#include <gtest/gtest.h>

#include <vector>

namespace reposfs {
namespace {

Oid Id(char digit) {
  return *Oid::FromHex(std::string(40, digit));
}
std::string Hex(char digit) {
  return std::string(40, digit);
}

// "." is a flush, "--" a delimiter, anything else a line.
std::string Message(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) {
    if (line == ".") {
      AppendFlush(out);
    } else if (line == "--") {
      AppendDelimiter(out);
    } else {
      AppendPkt(line, out);
    }
  }
  return out;
}

// Gives `reader` the message byte by byte.
Status AddSlowly(WireReader& reader, const std::string& message) {
  for (const char byte : message) {
    if (auto added = reader.Add(std::string_view(&byte, 1)); !added) return added;
  }
  return {};
}

Errc CodeOf(const Status& status) {
  EXPECT_FALSE(status);
  return status ? Errc::kIo : status.error().code;
}

// --- The advertisement ---

TEST(AdvertisementReaderTest, ReadsTheCapabilities) {
  AdvertisementReader reader;
  ASSERT_TRUE(AddSlowly(reader, Message({"version 2\n", "agent=git/2.39.5\n", "ls-refs=unborn\n",
                                         "fetch=shallow filter\n", "."})));
  EXPECT_TRUE(reader.complete());
  EXPECT_TRUE(reader.capabilities().version2);
  EXPECT_TRUE(reader.capabilities().filter);
}

TEST(AdvertisementReaderTest, TheServiceMayBeNamedFirst) {
  AdvertisementReader reader;
  ASSERT_TRUE(AddSlowly(
      reader, Message({"# service=git-upload-pack\n", ".", "version 2\n", "fetch\n", "."})));
  EXPECT_TRUE(reader.complete());
  EXPECT_TRUE(reader.capabilities().version2);
}

TEST(AdvertisementReaderTest, AnOlderProtocolShowsInItsFirstLine) {
  const std::string first = Hex('1') + " HEAD" + std::string(1, '\0') + "multi_ack\n";
  for (const auto& lines : std::vector<std::vector<std::string>>{
           {first},
           {"# service=git-upload-pack\n", ".", first},
           {"version 1\n"},
           {"."},
           {"--"},
           {"# service=git-upload-pack\n", "# service=git-upload-pack\n"}}) {
    AdvertisementReader reader;
    ASSERT_TRUE(AddSlowly(reader, Message(lines)));
    EXPECT_TRUE(reader.complete());
    EXPECT_FALSE(reader.capabilities().version2);
  }
}

TEST(AdvertisementReaderTest, OneThatDoesNotEndIsCutOff) {
  AdvertisementReader reader;
  ASSERT_TRUE(reader.Add(Message({"version 2\n"})));
  const std::string line = Message({std::string(60'000, 'x')});
  Status added;
  for (int i = 0; added && i < 100; ++i) added = reader.Add(line);
  EXPECT_EQ(CodeOf(added), Errc::kNoSpace);
}

TEST(AdvertisementReaderTest, GarbageIsRefused) {
  AdvertisementReader reader;
  EXPECT_EQ(CodeOf(reader.Add("<html>\n")), Errc::kCorrupt);
}

TEST(AdvertisementReaderTest, AnErrorOfTheServerIsUnderstood) {
  AdvertisementReader reader;
  EXPECT_EQ(CodeOf(reader.Add(Message({"ERR access denied or repository not exported: /n\n"}))),
            Errc::kNotFound);
}

// --- Refs ---

TEST(RefsReaderTest, ReadsHeadBranchesAndTags) {
  RefsReader reader;
  ASSERT_TRUE(AddSlowly(
      reader,
      Message({Hex('1') + " HEAD symref-target:refs/heads/main\n", Hex('1') + " refs/heads/main\n",
               Hex('5') + " refs/tags/v1 peeled:" + Hex('1') + "\n", "."})));
  ASSERT_TRUE(reader.complete());
  const RefSnapshot refs = reader.TakeRefs();
  EXPECT_EQ(refs.head_branch(), "refs/heads/main");
  EXPECT_EQ(refs.head(), Id('1'));
  ASSERT_EQ(refs.refs().size(), 2u);
  EXPECT_EQ(refs.Find("refs/tags/v1")->object, Id('5'));
  EXPECT_EQ(refs.Find("refs/tags/v1")->target(), Id('1'));
}

TEST(RefsReaderTest, AnUnbornHeadNamesItsBranch) {
  RefsReader reader;
  ASSERT_TRUE(reader.Add(Message({"unborn HEAD symref-target:refs/heads/trunk\n", "."})));
  const RefSnapshot refs = reader.TakeRefs();
  EXPECT_EQ(refs.head_branch(), "refs/heads/trunk");
  EXPECT_TRUE(refs.head().IsNull());
}

TEST(RefsReaderTest, WhatIsNoRefIsRefused) {
  for (const std::string& line :
       {std::string("nonsense\n"), std::string("zz refs/heads/main\n"),
        Hex('1') + "1 refs/heads/main\n", Hex('1') + " refs/tags/v1 peeled:x\n", std::string()}) {
    RefsReader reader;
    const auto added = reader.Add(Message({line, "."}));
    EXPECT_FALSE(added) << line;
  }
}

TEST(RefsReaderTest, ASha256RepositoryIsUnsupported) {
  RefsReader reader;
  EXPECT_EQ(CodeOf(reader.Add(Message({std::string(64, '1') + " HEAD\n"}))), Errc::kUnsupported);
}

TEST(RefsReaderTest, NamesThatNoRefCouldHaveAreNotKept) {
  RefsReader reader;
  ASSERT_TRUE(reader.Add(
      Message({Hex('1') + " refs/heads/../../etc\n", Hex('1') + " refs/heads/red\x1b[31m\n",
               Hex('1') + " refs/pull/1/head\n", Hex('1') + " refs/heads/good\n", "."})));
  EXPECT_EQ(reader.TakeRefs().refs().size(), 1u);
}

TEST(RefsReaderTest, DelimitersAndWhatFollowsTheEndAreRefused) {
  for (const auto& lines :
       std::vector<std::vector<std::string>>{{"--"}, {".", "."}, {".", Hex('1') + " HEAD"}}) {
    RefsReader reader;
    EXPECT_EQ(CodeOf(reader.Add(Message(lines))), Errc::kCorrupt);
  }
}

TEST(RefsReaderTest, AListWithoutEndIsCutOff) {
  RefsReader reader;
  std::string lines;
  for (int i = 0; i < 1000; ++i) lines += Message({Hex('1') + " refs/pull/" + std::to_string(i)});
  Status added;
  for (int i = 0; added && i < 10'000; ++i) added = reader.Add(lines);
  EXPECT_EQ(CodeOf(added), Errc::kNoSpace);
}

// --- Fetching ---

class FetchReaderTest : public ::testing::Test, public FetchEvents {
 protected:
  Status OnShallow(const ShallowChange& change) override {
    ++shallow_calls_;
    shallow_ = change;
    return {};
  }
  Status OnPack(std::string_view bytes) override {
    EXPECT_EQ(shallow_calls_, 1) << "before the pack";
    pack_ += bytes;
    return on_pack_;
  }
  void OnMessage(std::string_view text) override {
    ++message_count_;
    messages_ += text;
  }

  Status Add(const std::vector<std::string>& lines) { return reader_.Add(Message(lines)); }

  FetchReader reader_{*this, FetchDepth::kCommitOnly};
  int shallow_calls_ = 0;
  ShallowChange shallow_;
  std::string pack_;
  Status on_pack_;
  std::string messages_;
  int message_count_ = 0;
};

TEST_F(FetchReaderTest, ReadsAPack) {
  ASSERT_TRUE(AddSlowly(reader_, Message({"packfile\n", "\2counting\n", "\1PA", "\1CK", "."})));
  EXPECT_TRUE(reader_.complete());
  EXPECT_EQ(pack_, "PACK");
  EXPECT_EQ(messages_, "counting\n");
  EXPECT_TRUE(shallow_.added.empty());
}

TEST_F(FetchReaderTest, ReadsWhatBecomesShallow) {
  ASSERT_TRUE(
      Add({"shallow-info\n", "shallow " + Hex('1') + "\n", "--", "packfile\n", "\1PACK", "."}));
  EXPECT_EQ(shallow_.added, std::set<Oid>{Id('1')});
  EXPECT_EQ(shallow_.removed, std::set<Oid>());
}

TEST_F(FetchReaderTest, ReadsWhatIsShallowNoMore) {
  FetchReader reader(*this, FetchDepth::kUnshallow);
  ASSERT_TRUE(reader.Add(Message(
      {"shallow-info\n", "unshallow " + Hex('2') + "\n", "--", "packfile\n", "\1PACK", "."})));
  EXPECT_EQ(shallow_.added, std::set<Oid>());
  EXPECT_EQ(shallow_.removed, std::set<Oid>{Id('2')});
}

TEST_F(FetchReaderTest, NothingIsSaidOfShallowCommitsThatWasNotAskedFor) {
  const auto add = [&](FetchDepth asked, const std::string& verb) {
    FetchReader reader(*this, asked);
    return CodeOf(reader.Add(Message({"shallow-info\n", verb + " " + Hex('1') + "\n"})));
  };
  EXPECT_EQ(add(FetchDepth::kAsIs, "shallow"), Errc::kUnsupported);
  EXPECT_EQ(add(FetchDepth::kUnshallow, "shallow"), Errc::kUnsupported);
  EXPECT_EQ(add(FetchDepth::kAsIs, "unshallow"), Errc::kCorrupt);
  EXPECT_EQ(add(FetchDepth::kCommitOnly, "unshallow"), Errc::kCorrupt);
}

TEST_F(FetchReaderTest, OtherSectionsBeforeThePackAreSkipped) {
  ASSERT_TRUE(
      Add({"acknowledgments\n", "ACK " + Hex('1') + "\n", "ready\n", "--", "shallow-info\n", "--",
           "wanted-refs\n", Hex('1') + " refs/heads/main\n", "--", "packfile\n", "\1PACK", "."}));
  EXPECT_EQ(pack_, "PACK");
}

TEST_F(FetchReaderTest, AnEmptyPacketIsASignOfLife) {
  ASSERT_TRUE(Add({"packfile\n", "\1", "\1PACK", "."}));
  EXPECT_EQ(message_count_, 1);
  EXPECT_EQ(pack_, "PACK");
}

TEST_F(FetchReaderTest, SectionsOutOfOrderAreRefused) {
  for (const auto& lines :
       std::vector<std::vector<std::string>>{{"wanted-refs\n", "--", "shallow-info\n"},
                                             {"shallow-info\n", "--", "shallow-info\n"},
                                             {"packfile-uris\n"},
                                             {"unheard-of\n"},
                                             {"--"},
                                             {"."},
                                             {"shallow-info\n", "."},
                                             {"acknowledgments\n", "NAK\n", "."},
                                             {"packfile\n", "\1PACK", "--"},
                                             {"packfile\n", "\1PACK", ".", "."},
                                             {"packfile\n", ".", "packfile\n"}}) {
    FetchReader reader(*this, FetchDepth::kCommitOnly);
    EXPECT_EQ(CodeOf(reader.Add(Message(lines))), Errc::kCorrupt) << lines[0];
    shallow_calls_ = 0;
  }
}

TEST_F(FetchReaderTest, MalformedLinesAreRefused) {
  for (const std::string& line : {std::string("shallow"), std::string("shallow 12"),
                                  "deep " + Hex('1'), "shallow " + Hex('1') + " ", std::string()}) {
    FetchReader reader(*this, FetchDepth::kCommitOnly);
    EXPECT_EQ(CodeOf(reader.Add(Message({"shallow-info\n", line}))), Errc::kCorrupt) << line;
  }
}

TEST_F(FetchReaderTest, UnknownBandsAreRefused) {
  for (const std::string& packet : {std::string(), std::string("\4x"), std::string("x")}) {
    FetchReader reader(*this, FetchDepth::kCommitOnly);
    shallow_calls_ = 0;
    EXPECT_EQ(CodeOf(reader.Add(Message({"packfile\n", packet}))), Errc::kCorrupt);
  }
}

TEST_F(FetchReaderTest, ErrorsOfTheServerAreUnderstoodWhereverTheyCome) {
  const std::string error = "upload-pack: not our ref " + Hex('1');
  for (const auto& lines : std::vector<std::vector<std::string>>{
           {"ERR " + error}, {"shallow-info\n", "ERR " + error}, {"packfile\n", "\3" + error}}) {
    FetchReader reader(*this, FetchDepth::kCommitOnly);
    const auto added = reader.Add(Message(lines));
    EXPECT_EQ(CodeOf(added), Errc::kNotFound);
    EXPECT_NE(added.error().message.find("not our ref"), std::string::npos);
  }
}

TEST_F(FetchReaderTest, WhatTheServerSaysIsShownPrintable) {
  const auto added = Add({"ERR red\x1b[31m"});
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().message.find('\x1b'), std::string::npos);
}

TEST_F(FetchReaderTest, WhoeverTakesThePackCanEndIt) {
  on_pack_ = Error{Errc::kNoSpace, "full"};
  EXPECT_EQ(CodeOf(Add({"packfile\n", "\1PACK"})), Errc::kNoSpace);
}

TEST_F(FetchReaderTest, WhatIsNoPackIsBounded) {
  const std::string shallow = "shallow-info\n";
  for (const auto& [section, line] :
       std::vector<std::pair<std::string, std::string>>{{"acknowledgments\n", "NAK\n"},
                                                        {"shallow-info\n", "shallow " + Hex('1')},
                                                        {"packfile\n", "\2working\n"},
                                                        {"packfile\n", "\1"},
                                                        {"packfile\n", "\1x"}}) {
    FetchReader reader(*this, FetchDepth::kCommitOnly);
    Status added = reader.Add(Message({section}));
    std::string lines;
    for (int i = 0; i < 10'000; ++i) AppendPkt(line, lines);
    for (int i = 0; added && i < 3000; ++i) added = reader.Add(lines);
    EXPECT_EQ(CodeOf(added), Errc::kNoSpace) << section << line;
    shallow_calls_ = 0;
    pack_.clear();
  }
}

TEST_F(FetchReaderTest, AnHonestPackIsNotBounded) {
  ASSERT_TRUE(Add({"packfile\n"}));
  std::string packet;
  AppendPkt("\1" + std::string(65515, 'x'), packet);
  for (int i = 0; i < 3000; ++i) {
    ASSERT_TRUE(reader_.Add(packet));
    pack_.clear();
  }
}

}  // namespace
}  // namespace reposfs
