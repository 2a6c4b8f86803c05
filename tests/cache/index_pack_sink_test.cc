#include "cache/index_pack_sink.h"

#include "tests/cache/transport_test.h"

namespace reposfs {
namespace {

class IndexPackSinkTest : public ::testing::Test {
 protected:
  IndexPackSinkTest() : store_(directory_ / "store") {
    testing::Output({"git", "init", "-q", "--bare", "--initial-branch=main", upstream_.string()});
    testing::FillHistory(upstream_, {.commit_count = 5, .file_count = 20});
    EXPECT_TRUE(store_.Create());
    auto staging = Staging::Create(directory_ / "staging", store_, {});
    EXPECT_TRUE(staging);
    staging_.emplace(std::move(*staging));
  }
  void TearDown() override { EXPECT_EQ(testing::OpenFdCount(), fd_count_) << "leaked"; }

  // The pack that `git pack-objects` makes of main with `more` options.
  std::string Pack(const std::string& more) const {
    return testing::Sh("echo main | git -C '" + upstream_.string() +
                       "' pack-objects -q --revs --stdout " + more)
        .out;
  }
  std::unique_ptr<PackSink> Open(PackLinks links, std::function<Status()> keep_going = {}) {
    auto sink = IndexPackSink::Open({staging_->path(), links, std::move(keep_going)}, {});
    EXPECT_TRUE(sink);
    return sink ? std::move(*sink) : nullptr;
  }
  // Gives the whole of `pack`, in pieces.
  static Status AddAll(PackSink& sink, std::string_view pack) {
    for (constexpr std::size_t kPiece = 1000; !pack.empty();
         pack.remove_prefix(std::min(kPiece, pack.size()))) {
      if (auto added = sink.Add(pack.substr(0, kPiece)); !added) return added;
    }
    return {};
  }
  std::string Files() const {
    return testing::Sh("cd '" + (staging_->path() / "objects/pack").string() +
                       "' && ls | sed 's/.*[.]//' | sort | tr '\\n' ' '")
        .out;
  }

  const std::size_t fd_count_ = testing::OpenFdCount();
  testing::TempDir directory_{"sink"};
  const std::filesystem::path upstream_ = directory_ / "upstream.git";
  const StoreDirectory store_;
  std::optional<Staging> staging_;
};

TEST_F(IndexPackSinkTest, APackBecomesFilesOfTheStaging) {
  auto sink = Open(PackLinks::kWhole);
  ASSERT_TRUE(AddAll(*sink, Pack("")));
  ASSERT_TRUE(sink->Finish());
  EXPECT_GT(sink->object_count(), 20u);
  EXPECT_EQ(Files(), "idx pack ");
}

TEST_F(IndexPackSinkTest, LinksThatLeadNowhereAreCorruptUnlessThePackIsPartial) {
  const std::string pack = Pack("--filter=blob:none");
  auto whole = Open(PackLinks::kWhole);
  Status finished = AddAll(*whole, pack);
  if (finished) finished = whole->Finish();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code, Errc::kCorrupt) << finished.error().message;
  whole.reset();
  EXPECT_EQ(Files(), "");
  auto partial = Open(PackLinks::kPartial);
  ASSERT_TRUE(AddAll(*partial, pack));
  EXPECT_TRUE(partial->Finish());
}

TEST_F(IndexPackSinkTest, ADamagedPackIsCorrupt) {
  std::string pack = Pack("");
  pack[pack.size() / 2] = static_cast<char>(pack[pack.size() / 2] ^ 1);
  auto sink = Open(PackLinks::kWhole);
  Status finished = AddAll(*sink, pack);
  if (finished) finished = sink->Finish();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code, Errc::kCorrupt) << finished.error().message;
  sink.reset();
  EXPECT_EQ(Files(), "");
}

TEST_F(IndexPackSinkTest, APackThatEndsEarlyIsCorrupt) {
  const std::string pack = Pack("");
  auto sink = Open(PackLinks::kWhole);
  ASSERT_TRUE(AddAll(*sink, pack.substr(0, pack.size() / 2)));
  const auto finished = sink->Finish();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code, Errc::kCorrupt) << finished.error().message;
}

TEST_F(IndexPackSinkTest, OneThatIsGivenUpLeavesNothing) {
  const std::string pack = Pack("");
  auto sink = Open(PackLinks::kWhole);
  ASSERT_TRUE(AddAll(*sink, pack.substr(0, pack.size() / 2)));
  EXPECT_TRUE(testing::WaitUntil([&] { return !Files().empty(); }, std::chrono::seconds(10)));
  sink.reset();
  EXPECT_EQ(Files(), "");
}

TEST_F(IndexPackSinkTest, WhoWatchesCanEndIt) {
  auto sink = Open(PackLinks::kWhole, []() -> Status {
    return Error{Errc::kInterrupted, "enough"};
  });
  Status added = AddAll(*sink, Pack(""));
  if (added) added = sink->Finish();
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, Errc::kInterrupted);
}

}  // namespace
}  // namespace reposfs
