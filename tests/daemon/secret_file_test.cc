#include "daemon/secret_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace reposfs {
namespace {

Result<std::string> SecretOf(const std::string& text) {
  const std::string file = testing::TempDir() + "secret-" + std::to_string(::getpid());
  std::ofstream(file) << text;
  auto secret = ReadSecret(file);
  std::filesystem::remove(file);
  return secret;
}

TEST(SecretFileTest, ASecretIsOneLineAndNeverRepeated) {
  EXPECT_EQ(*SecretOf("s3cret\n"), "s3cret");
  EXPECT_EQ(*SecretOf("s3cret two\r\n"), "s3cret two");
  for (const char* text : {"", "\n", "s3cret\ntwo\n", "s3cret\x01"}) {
    const auto refused = SecretOf(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().message.find("s3cret"), std::string::npos);
  }
  EXPECT_EQ(ReadSecret("/nonexistent").error().code, Errc::kNotFound);
}

}  // namespace
}  // namespace reposfs
