#include "daemon/mount_option_text.h"

#include <gtest/gtest.h>

namespace reposfs {
namespace {

Result<ParsedMountOptions> FromUser(std::string_view text) {
  return ParseMountOptions(text, MountCaller::kUser, UnknownOptions::kRefuse);
}

std::string Refusal(std::string_view text) {
  const auto options = FromUser(text);
  return options ? "accepted" : options.error().message;
}

TEST(MountOptionsTest, OursAreTakenOver) {
  const auto options = FromUser("allow_other,uid=1000,gid=7,config=/c.yaml,cache=/x");
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_TRUE(options->allow_other);
  EXPECT_EQ(options->uid, 1000u);
  EXPECT_EQ(options->gid, 7u);
  EXPECT_EQ(options->config_file, "/c.yaml");
  EXPECT_EQ(options->cache, "/x");
  EXPECT_TRUE(options->kernel_options.empty());
}

TEST(MountOptionsTest, GenericOnesAreAcceptedAndThoseForTheKernelKept) {
  const auto options = FromUser(
      "ro,nosuid,nodev,noatime,_netdev,noauto,nofail,user,x-systemd.automount,noexec,"
      "context=system_u:object_r:x,,defaults");
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->kernel_options,
            (std::vector<std::string>{"noexec", "context=system_u:object_r:x"}));
}

TEST(MountOptionsTest, ReadWriteIsRefusedFromAUserButNotFromMount8) {
  EXPECT_EQ(Refusal("rw"), "mount option \"rw\": reposfs is read-only; leave it out");
  EXPECT_TRUE(ParseMountOptions("rw", MountCaller::kMountHelper, UnknownOptions::kRefuse));
}

TEST(MountOptionsTest, UnknownOnesAreRefusedWithTheNearest) {
  EXPECT_EQ(Refusal("alow_other"),
            "mount option \"alow_other\": there is no such option; did you mean \"allow_other\"?");
  EXPECT_TRUE(ParseMountOptions("zebra", MountCaller::kUser, UnknownOptions::kIgnore));
}

TEST(MountOptionsTest, BadValuesAreRefused) {
  for (const char* text : {"uid=ann", "uid", "gid=-1", "uid=4294967295", "config", "cache="}) {
    EXPECT_NE(Refusal(text), "accepted") << text;
  }
}

TEST(MountHelperTest, ReadsWhatMount8Writes) {
  const auto parsed = ParseMountHelperArguments(
      {"reposfs", "/repos", "-v", "-o", "rw,noexec,nosuid,nodev,config=/a,user,_netdev"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->mountpoint, "/repos");
  EXPECT_EQ(parsed->options.config_file, "/a");
  EXPECT_FALSE(parsed->fake);
}

TEST(MountHelperTest, TheSourceCanBeTheConfiguration) {
  const auto parsed = ParseMountHelperArguments({"/etc/x.yaml", "/repos", "-sf", "-o", "zebra"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->options.config_file, "/etc/x.yaml");
  EXPECT_TRUE(parsed->fake);
  EXPECT_FALSE(ParseMountHelperArguments({"/etc/x.yaml", "/repos", "-o", "config=/other"}));
}

TEST(MountHelperTest, WrongUsageIsRefused) {
  EXPECT_FALSE(ParseMountHelperArguments({"reposfs"}));
  EXPECT_FALSE(ParseMountHelperArguments({"reposfs", "/repos", "/more"}));
  EXPECT_FALSE(ParseMountHelperArguments({"reposfs", "/repos", "-o"}));
  EXPECT_FALSE(ParseMountHelperArguments({"reposfs", "/repos", "-x"}));
}

}  // namespace
}  // namespace reposfs
