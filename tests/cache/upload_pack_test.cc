#include "cache/upload_pack.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cache/pkt_line.h"
#include "cache/wire_request.h"
#include "cache/wire_response.h"
#include "tests/cache/packed_repository.h"
#include "tests/support/files.h"

namespace reposfs {
namespace {

using testing::File;

// A complete repository of three commits in one pack, and what it answers.
class UploadPackTest : public ::testing::Test, public FetchEvents {
 protected:
  UploadPackTest() : git_(directory_ / "git"), store_(directory_ / "cache/repos/1") {
    first_ = git_.Commit("one", {File("a", "1"), File("b", "same")});
    git_.Commit("two", {File("a", "2")});
    head_ = git_.Commit("three", {File("c", "3")});
    EXPECT_TRUE(store_.Create());
    std::filesystem::create_directories(directory_ / "cache/locks");
    pack_ = git_.Pack(store_.packs(), "main");
  }

  void Open(Stage stage) {
    RepositoryRecord record;
    record.id = 1;
    record.key = "test/a/b";
    record.stage = stage;
    repository_ = std::make_shared<Repository>(RepositoryKey{"test", "a", "b"}, record,
                                               store_.path(), std::make_shared<BytesOnDisk>(0));
    repository_->SetRefs(std::make_shared<const RefSnapshot>(
        "refs/heads/main", head_, std::vector<Ref>{Ref{"refs/heads/main", head_, Oid{}}}));
  }

  // Asks `body` and understands the answer; the pack is then in received_.
  Status Ask(const std::string& body, const UploadLimits& limits = {},
             FetchDepth depth = FetchDepth::kAsIs) {
    const auto request = ParseUploadRequest(body, UploadVersion::kTwo);
    if (!request) return request.error();
    FetchReader reader(*this, depth);
    UploadSink sink;
    sink.put = [&](std::string_view bytes) -> Status { return reader.Add(bytes); };
    const Repository::Use use(repository_);
    return AnswerUpload(*repository_, *request, body, directory_ / "scratch", limits, sink);
  }
  Status Ask(const WireFetch& fetch) {
    return Ask(FetchMessage(WireCapabilities::Guess(), fetch), {}, fetch.depth);
  }

  std::string PackOnDisk() const { return testing::ReadFile(store_.packs() / (pack_ + ".pack")); }
  // How many objects the received pack says it has.
  int CountReceived() const {
    return received_.size() < 12 ? -1 : static_cast<unsigned char>(received_[11]);
  }

  // FetchEvents:
  Status OnShallow(const ShallowChange& change) override {
    shallow_ = change.added;
    return {};
  }
  Status OnPack(std::string_view bytes) override {
    received_ += bytes;
    return {};
  }
  void OnMessage(std::string_view) override {}

  testing::TempDir directory_{"upload-pack"};
  PackedRepository git_;
  StoreDirectory store_;
  Oid first_, head_;
  std::string pack_;
  RepositoryPtr repository_;
  std::set<Oid> shallow_;
  std::string received_;
};

TEST_F(UploadPackTest, ACloneOfEverythingIsThePackOnTheDisk) {
  Open(Stage::kComplete);
  WireFetch fetch;
  fetch.wants = {head_};
  ASSERT_TRUE(Ask(fetch));
  EXPECT_EQ(received_, PackOnDisk());
  EXPECT_FALSE(std::filesystem::exists(directory_ / "scratch"));
}

// Nothing of it is sent twice, nor anything that was not asked for.
TEST_F(UploadPackTest, WhatIsNotEverythingIsLessThanThePack) {
  Open(Stage::kComplete);
  WireFetch fetch;
  fetch.wants = {head_};
  fetch.haves = {first_};
  ASSERT_TRUE(Ask(fetch));
  EXPECT_EQ(CountReceived(), 6) << "two commits, their trees, and two blobs";
  received_.clear();

  fetch = {};
  fetch.wants = {first_};
  ASSERT_TRUE(Ask(fetch));
  EXPECT_EQ(CountReceived(), 4) << "a commit, its tree, and two blobs";
  received_.clear();

  fetch = {};
  fetch.wants = {head_};
  fetch.depth = FetchDepth::kCommitOnly;
  fetch.without_blobs = true;
  ASSERT_TRUE(Ask(fetch));
  EXPECT_EQ(CountReceived(), 2) << "a commit and its tree";
  EXPECT_EQ(shallow_, std::set<Oid>{head_});
  EXPECT_FALSE(std::filesystem::exists(directory_ / "scratch"));
}

TEST_F(UploadPackTest, AShallowTipIsServedWithoutItsBlobs) {
  std::filesystem::remove_all(store_.path());
  ASSERT_TRUE(store_.Create());
  git_.Pack(store_.packs(), "--filter=blob:none --max-count=1 main");
  testing::WriteFile(store_.path() / "shallow", head_.Hex() + "\n");
  Open(Stage::kTip);
  WireFetch fetch;
  fetch.wants = {head_};
  fetch.depth = FetchDepth::kCommitOnly;
  fetch.without_blobs = true;
  ASSERT_TRUE(Ask(fetch));
  EXPECT_EQ(CountReceived(), 2) << "a commit and its tree";
}

// Of 200,000 haves, git hears of one.
TEST_F(UploadPackTest, AFloodOfHavesReachesNobody) {
  Open(Stage::kComplete);
  std::string body;
  AppendPkt("command=fetch\n", body);
  AppendDelimiter(body);
  for (const char* word : {"ofs-delta\n", "done\n"}) AppendPkt(word, body);
  AppendPkt("want " + head_.Hex() + "\n", body);
  AppendPkt("have " + first_.Hex() + "\n", body);
  Oid unknown = head_;
  unknown.bytes.back() ^= 1;
  for (int i = 0; i < 200'000; ++i) {
    for (std::size_t byte = 0; byte < 3; ++byte)
      unknown.bytes[byte] = static_cast<std::uint8_t>(i >> 8 * byte);
    AppendPkt("have " + unknown.Hex() + "\n", body);
  }
  AppendFlush(body);
  UploadLimits limits;
  limits.memory_bytes = 64u << 20;
  const auto answered = Ask(body, limits);
  ASSERT_TRUE(answered) << answered.error().message;
  EXPECT_EQ(CountReceived(), 6);
  const std::string passed_on =
      WithoutUnknownHaves(body, [&](const Oid& id) { return repository_->objects().Contains(id); });
  EXPECT_LT(passed_on.size(), 300u);
}

TEST_F(UploadPackTest, WhoGivesUpEndsIt) {
  Open(Stage::kComplete);
  const auto request = ParseUploadRequest(
      FetchMessage(WireCapabilities::Guess(), WireFetch{{head_}, {first_}, {}, {}, false}),
      UploadVersion::kTwo);
  ASSERT_TRUE(request);
  UploadSink sink;
  sink.put = [](std::string_view) -> Status { return Error{Errc::kInterrupted, "gone"}; };
  const Repository::Use use(repository_);
  const Status answered = AnswerUpload(
      *repository_, *request,
      FetchMessage(WireCapabilities::Guess(), WireFetch{{head_}, {first_}, {}, {}, false}),
      directory_ / "scratch", {}, sink);
  ASSERT_FALSE(answered);
  EXPECT_EQ(answered.error().code, Errc::kInterrupted);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "scratch"));
}

}  // namespace
}  // namespace reposfs
