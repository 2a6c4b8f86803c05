#include "cache/upload_request.h"

#include <gtest/gtest.h>

#include "cache/gzip.h"
#include "cache/upload_refs.h"
#include "cache/wire_request.h"
#include "cache/wire_response.h"
#include "tests/cache/pkt_text.h"

namespace reposfs {
namespace {

Oid Id(char digit) {
  return *Oid::FromHex(std::string(40, digit));
}

Result<UploadRequest> Parse(const std::vector<std::string>& lines,
                            UploadVersion version = UploadVersion::kTwo) {
  return ParseUploadRequest(Message(lines), version);
}

TEST(UploadRequestTest, UnderstandsAFetch) {
  const auto request = Parse({"command=fetch", "agent=git/2", "object-format=sha1", "--",
                              "thin-pack", "ofs-delta", "shallow " + Id('7').Hex(), "deepen 1",
                              "filter blob:none", "want " + Id('1').Hex(), "want " + Id('2').Hex(),
                              "want " + Id('1').Hex(), "have " + Id('3').Hex(), "done", "."});
  ASSERT_TRUE(request) << request.error().message;
  ASSERT_TRUE(request->fetch);
  EXPECT_FALSE(request->ls_refs);
  const FetchArguments& asked = *request->fetch;
  EXPECT_EQ(asked.wants, (std::vector<Oid>{Id('1'), Id('2')}));
  EXPECT_EQ(asked.have_count, 1u);
  EXPECT_EQ(asked.depth, 1);
  EXPECT_EQ(asked.filter, "blob:none");
  EXPECT_TRUE(asked.is_shallow);
  EXPECT_TRUE(asked.done);
  EXPECT_TRUE(asked.ofs_delta);
  EXPECT_FALSE(asked.other_depth);
}

TEST(UploadRequestTest, UnderstandsWhatOurOwnClientAsks) {
  WireFetch fetch;
  fetch.wants = {Id('1')};
  fetch.haves = {Id('2')};
  fetch.depth = FetchDepth::kUnshallow;
  const auto request =
      ParseUploadRequest(FetchMessage(WireCapabilities::Guess(), fetch), UploadVersion::kTwo);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_GT(request->fetch->depth.value_or(0), 1);
  EXPECT_EQ(request->fetch->wants, fetch.wants);
}

TEST(UploadRequestTest, UnderstandsVersionZero) {
  const auto request =
      Parse({"want " + Id('1').Hex() + " multi_ack ofs-delta agent=git/2", "want " + Id('2').Hex(),
             "deepen 3", ".", "have " + Id('3').Hex(), ".", "done"},
            UploadVersion::kZero);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->fetch->wants.size(), 2u);
  EXPECT_EQ(request->fetch->depth, 3);
  EXPECT_TRUE(request->fetch->ofs_delta);
  EXPECT_TRUE(request->fetch->done);
}

TEST(UploadRequestTest, RefusesWhatIsNoRequest) {
  for (const std::string& body :
       {std::string("GET / HTTP/1.1"), Message({"command=fetch", "--", "want x"}),
        Message({"command=fetch", "--", "deepen -1"}),
        Message({"command=fetch", "command=ls-refs"})}) {
    const auto request = ParseUploadRequest(body, UploadVersion::kTwo);
    ASSERT_FALSE(request) << body;
    EXPECT_EQ(request.error().code, Errc::kInvalidArgument);
  }
  EXPECT_EQ(Parse({"command=fetch", "object-format=sha256", "--"}).error().code,
            Errc::kUnsupported);
}

TEST(UploadRequestTest, OnlyWhatIsHereIsPassedOnAndOnce) {
  const std::string have1 = "have " + Id('1').Hex();
  const std::string have2 = "have " + Id('2').Hex();
  const std::string body = Message({"command=fetch", "--", "want " + Id('5').Hex(), have1, have2,
                                    have1, "have " + Id('3').Hex(), "done", "."});
  const auto kept = Lines(
      WithoutUnknownHaves(body, [](const Oid& id) { return id == Id('1') || id == Id('5'); }));
  EXPECT_EQ(kept, (std::vector<std::string>{"command=fetch", "--", "want " + Id('5').Hex(), have1,
                                            "done", "."}));
}

RefSnapshot SomeRefs() {
  return RefSnapshot(
      "refs/heads/main", Id('1'),
      {Ref{"refs/heads/main", Id('1'), Oid{}}, Ref{"refs/heads/next", Id('2'), Oid{}},
       Ref{"refs/tags/v1", Id('3'), Id('1')}});
}

TEST(UploadRefsTest, AreReadBackByOurOwnClient) {
  const auto request =
      ParseUploadRequest(LsRefsRequest(WireCapabilities::Guess()), UploadVersion::kTwo);
  ASSERT_TRUE(request && request->ls_refs);
  RefsReader reader;
  ASSERT_TRUE(reader.Add(LsRefsAnswer(SomeRefs(), *request->ls_refs)));
  ASSERT_TRUE(reader.complete());
  EXPECT_EQ(reader.TakeRefs(), SomeRefs());
}

TEST(UploadRefsTest, OnlyTheAskedAreToldAndOnlyAsAsked) {
  LsRefsArguments asked;
  asked.prefixes = {"refs/tags/", "refs/heads/n", "refs/heads/ne"};
  EXPECT_EQ(Lines(LsRefsAnswer(SomeRefs(), asked)),
            (std::vector<std::string>{Id('2').Hex() + " refs/heads/next",
                                      Id('3').Hex() + " refs/tags/v1", "."}));
  asked = {};
  asked.symrefs = asked.peel = true;
  const auto all = Lines(LsRefsAnswer(SomeRefs(), asked));
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[0], Id('1').Hex() + " HEAD symref-target:refs/heads/main");
  EXPECT_EQ(all[3], Id('3').Hex() + " refs/tags/v1 peeled:" + Id('1').Hex());
}

TEST(UploadRefsTest, AnEmptyRepositoryHasABranchToComeForWhoAsks) {
  const RefSnapshot empty("refs/heads/main", Oid{}, {});
  LsRefsArguments asked;
  asked.symrefs = true;
  EXPECT_EQ(Lines(LsRefsAnswer(empty, asked)), (std::vector<std::string>{"."}));
  asked.unborn = true;
  EXPECT_EQ(Lines(LsRefsAnswer(empty, asked))[0], "unborn HEAD symref-target:refs/heads/main");
}

TEST(UploadRefsTest, ManyPrefixesAndManyRefsTakeNoQuadraticTime) {
  std::vector<Ref> refs;
  LsRefsArguments asked;
  constexpr int kCount = 50'000;
  for (int i = 0; i < kCount; ++i) {
    refs.push_back(Ref{"refs/heads/" + std::to_string(i), Id('1'), Oid{}});
    asked.prefixes.push_back("refs/heads/x" + std::to_string(i));
  }
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(LsRefsAnswer(RefSnapshot("", Oid{}, std::move(refs)), asked), "0000");
  // Each with each would be 2,500,000,000 comparisons, many seconds.
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(2));
}

TEST(GunzipTest, GivesBackWhatWasPackedUpToALimit) {
  std::string text(300'000, 'a');
  for (std::size_t i = 0; i < text.size(); i += 7) text[i] = static_cast<char>('b' + i % 19);
  EXPECT_EQ(Gunzip(Gzip(text), text.size()).value(), text);
  EXPECT_EQ(Gunzip(Gzip(""), 0).value(), "");
  EXPECT_EQ(Gunzip(Gzip(text), text.size() - 1).error().code, Errc::kNoSpace);
}

TEST(GunzipTest, RefusesWhatIsBrokenOrCut) {
  const std::string packed = Gzip("some text that is long enough to be cut somewhere");
  EXPECT_EQ(Gunzip("no gzip at all", 100).error().code, Errc::kCorrupt);
  EXPECT_EQ(Gunzip("", 100).error().code, Errc::kCorrupt);
  EXPECT_EQ(Gunzip(packed.substr(0, packed.size() / 2), 100).error().code, Errc::kCorrupt);
}

}  // namespace
}  // namespace reposfs
