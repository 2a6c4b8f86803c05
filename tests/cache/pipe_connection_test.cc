#include "cache/pipe_connection.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace reposfs {
namespace {

using Argv = std::vector<std::string>;

Result<ProcessOptions> Command(const std::string& url, const std::string& key = "") {
  Source source;
  source.url = url;
  source.host.ssh_key_file = key;
  return UploadPackCommand(source, FetchOptions{});
}

// What ssh is given after the options that it always has.
Argv SshTarget(const std::string& url) {
  const auto command = Command(url);
  EXPECT_TRUE(command) << url;
  if (!command) return {};
  const auto send = std::find(command->argv.begin(), command->argv.end(), "SendEnv=GIT_PROTOCOL");
  EXPECT_NE(send, command->argv.end());
  return Argv(std::next(send), command->argv.end());
}

TEST(UploadPackCommandTest, AFileIsServedByALocalProcess) {
  const auto command = Command("file:///srv/a%20b.git");
  ASSERT_TRUE(command);
  EXPECT_EQ(command->argv, (Argv{"git", "upload-pack", "--end-of-options", "/srv/a b.git"}));
  EXPECT_GT(command->memory_max_bytes, 0u);
  const auto& environment = command->environment;
  EXPECT_NE(std::find(environment.begin(), environment.end(), "GIT_PROTOCOL=version=2"),
            environment.end());
}

TEST(UploadPackCommandTest, AnSshUrlIsCutIntoArguments) {
  EXPECT_EQ(SshTarget("ssh://git@h/o/n.git"), (Argv{"git@h", "git-upload-pack '/o/n.git'"}));
  EXPECT_EQ(SshTarget("ssh://h:2222/o/n"), (Argv{"-p", "2222", "h", "git-upload-pack '/o/n'"}));
  EXPECT_EQ(SshTarget("ssh://u@[::1]:22/n"), (Argv{"-p", "22", "u@::1", "git-upload-pack '/n'"}));
  EXPECT_EQ(SshTarget("ssh://[::1]/n"), (Argv{"::1", "git-upload-pack '/n'"}));
  EXPECT_EQ(SshTarget("ssh://h/~u/n"), (Argv{"h", "git-upload-pack '~u/n'"}));
}

TEST(UploadPackCommandTest, ThePathIsOneWordForTheOtherShell) {
  EXPECT_EQ(SshTarget("ssh://h/it's; $(rm)!").back(), "git-upload-pack '/it'\\''s; $(rm)'\\!''");
}

TEST(UploadPackCommandTest, TheKeyOfTheHostIsUsed) {
  const auto command = Command("ssh://h/n", "/keys/k");
  ASSERT_TRUE(command);
  const auto key = std::find(command->argv.begin(), command->argv.end(), "-i");
  ASSERT_NE(key, command->argv.end());
  EXPECT_EQ(*std::next(key), "/keys/k");
}

TEST(UploadPackCommandTest, NothingOfAUrlBecomesAnOption) {
  for (const char* url : {"ssh://-oProxyCommand=evil/n", "ssh://u@-h/n", "ssh://h:-1/n", "ssh://h",
                          "ssh:///n", "ssh://%2doption/n"}) {
    const auto command = Command(url);
    ASSERT_FALSE(command) << url;
    EXPECT_EQ(command.error().code, Errc::kInvalidArgument);
  }
}

}  // namespace
}  // namespace reposfs
