#include "tests/cache/cache_test.h"

namespace reposfs {
namespace {

class HealingTest : public CacheTest {
 protected:
  HealingTest() {
    options_.history.policy = HistoryPolicy::kNone;
    testing::FillSmall(MakeUpstream("small"));
    Open();
    EXPECT_TRUE(Warm("small", Stage::kContent));
    EXPECT_TRUE(IsQuietSoon());
  }

  // Writes nonsense over the objects of every pack.
  void Damage() {
    const std::filesystem::path packs = Repo("small")->directory().packs();
    for (const StoredFile& file : Repo("small")->directory().PackFiles()) {
      if (!file.name.ends_with(".pack")) continue;
      std::filesystem::permissions(packs / file.name, std::filesystem::perms::owner_all);
      std::string bytes = testing::ReadFile(packs / file.name);
      for (std::size_t i = 13; i + 20 < bytes.size(); ++i) bytes[i] = '\x5a';
      testing::WriteFile(packs / file.name, bytes);
    }
    Repo("small")->objects().Refresh();
  }
};

TEST_F(HealingTest, ADamagedPackIsFetchedAgain) {
  Damage();
  const auto content = ReadFileOf("small", "README.md");
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_TRUE(content->ends_with("hello\n"));
  ASSERT_EQ(cache_->Evictions("h/o/small", 10)->size(), 1u);
  EXPECT_TRUE(cache_->Evictions("h/o/small", 1)->at(0).reason.starts_with("damaged on disk"));
}

TEST_F(HealingTest, DamageThatComesBackAtOnceIsAnError) {
  Damage();
  ASSERT_TRUE(ReadFileOf("small", "README.md"));
  ASSERT_TRUE(IsQuietSoon());
  Damage();
  const auto content = ReadFileOf("small", "README.md");
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code, Errc::kCorrupt);
  clock_.Advance(std::chrono::minutes(2));
  // Later it is tried once more, as soon as the refresh that is due lets go of the repository.
  EXPECT_TRUE(
      testing::WaitUntil([&] { return ReadFileOf("small", "README.md").has_value(); }, kSoon));
}

TEST_F(HealingTest, AMissingPackIsFetchedAgain) {
  std::filesystem::remove_all(Repo("small")->directory().packs());
  std::filesystem::create_directories(Repo("small")->directory().packs());
  Repo("small")->objects().Refresh();
  EXPECT_TRUE(ReadFileOf("small", "README.md"));
}

}  // namespace
}  // namespace reposfs
