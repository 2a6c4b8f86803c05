// Extended attributes tell what a view shows, how old it is, and what went wrong.

#include <gtest/gtest.h>

#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

class AttributesTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    FillSmall(server_.Create("a/small"));
    daemon_.Set("freshness.maxAge", "200ms");
    Mount();
    ASSERT_TRUE(daemon_.Warm(Key("a/small")));
    view_ = Path("a/small");
  }

  std::filesystem::path view_;
};

TEST_F(AttributesTest, CommitIsTheOneShown) {
  EXPECT_EQ(Attribute(view_, "user.reposfs.commit"),
            Git(server_.Path("a/small"), {"rev-parse", "main"}));
  EXPECT_EQ(Attribute(Path("a/small@v1.0"), "user.reposfs.commit"),
            Git(server_.Path("a/small"), {"rev-parse", "v1.0^{commit}"}));
}

TEST_F(AttributesTest, StageIsTheOneReached) {
  EXPECT_EQ(Attribute(view_, "user.reposfs.stage"), "complete");
}

TEST_F(AttributesTest, CheckedIsATime) {
  const std::string checked = Attribute(view_, "user.reposfs.checked");
  EXPECT_EQ(checked.find("errno"), std::string::npos) << checked;
  EXPECT_NE(checked.find("20"), std::string::npos) << checked;
}

TEST_F(AttributesTest, OidOfAFileIsItsBlob) {
  EXPECT_EQ(Attribute(view_ / "README.md", "user.reposfs.oid"),
            Git(server_.Path("a/small"), {"rev-parse", "main:README.md"}));
}

TEST_F(AttributesTest, ErrorIsTheLastOne) {
  server_.SetFailure("a/small", "503 Service Unavailable");
  EXPECT_TRUE(WaitUntil(
      [&] {
        (void)ErrnoOfList(view_);
        return Attribute(view_, "user.reposfs.error").find("errno") == std::string::npos;
      },
      std::chrono::seconds(10)))
      << Attribute(view_, "user.reposfs.error");
  EXPECT_NE(daemon_.Show(Key("a/small")).value("error", nlohmann::json()).dump(), "\"\"");
}

TEST_F(AttributesTest, AreListedByGetfattr) {
  const CommandResult listed = Execute({"getfattr", "-d", view_.string()});
  EXPECT_NE(listed.out.find("user.reposfs.commit"), std::string::npos) << listed;
}

}  // namespace
}  // namespace reposfs::testing
