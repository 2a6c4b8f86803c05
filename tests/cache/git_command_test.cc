#include "cache/git_command.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <map>
#include <vector>

#include "cache/git_trace.h"

namespace reposfs {
namespace {

constexpr char kUrl[] = "https://h/o/n";

Error Failure(const std::string& errors) {
  ProcessResult result;
  result.exit_code = 128;
  result.errors = errors;
  return GitFailure(result, kUrl);
}

// As git 2.39 writes it, with GIT_TRACE_CURL.
std::string Trace(const std::vector<std::string>& headers) {
  std::string trace =
      "14:24:26.402066 http.c:725              == Info: Couldn't find host h in the (nil) file; "
      "not "
      "found\n"
      "14:24:26.402249 http.c:684              => Send header: Authorization: Basic <redacted>\n";
  for (const std::string& header : headers) {
    trace += "14:24:26.402902 http.c:684              <= Recv header: " + header + "\n";
  }
  return trace;
}

TEST(GitFailureTest, ForHowLongTheHostAsksToBeLeftAloneIsInTheTrace) {
  const Error error = Failure(Trace({"HTTP/1.1 429 Too Many", "Retry-After: 7", ""}) +
                              "fatal: unable to access 'https://h/o/n/': The requested URL "
                              "returned error: 429\n");
  EXPECT_EQ(error.code, Errc::kUnreachable);
  EXPECT_EQ(error.retry_after, std::chrono::seconds(7));
  EXPECT_EQ(error.message, std::string(kUrl) +
                               ": unable to access 'https://h/o/n/': The requested URL returned "
                               "error: 429; it asks to wait for 7 s");
  EXPECT_EQ(error.message.find("redacted"), std::string::npos);
}

TEST(GitFailureTest, OnlyTheLastAnswerCountsAndOnlyARefusal) {
  const std::string refused = Trace({"HTTP/2 503", "retry-after: 4"});
  const std::string fine = Trace({"HTTP/2 200", "retry-after: 9"});
  const std::string words = "fatal: the remote end hung up unexpectedly\n";
  EXPECT_EQ(Failure(fine + refused + words).retry_after, std::chrono::seconds(4));
  EXPECT_EQ(Failure(refused + fine + words).retry_after, std::chrono::seconds(0));
  EXPECT_EQ(Failure(refused + "Receiving objects:  5%\r" + fine + words).retry_after,
            std::chrono::seconds(0));
}

TEST(GitTraceTest, ADateIsADelayFromNow) {
  const WallTime now{std::chrono::seconds(1'800'000'000)};  // 15 January 2027, 8:00.
  const auto delay = [now](const std::string& value) {
    return ReadGitTrace(Trace({"HTTP/1.1 503 Busy", "Retry-After: " + value}), now).retry_after;
  };
  EXPECT_EQ(delay("Fri, 15 Jan 2027 08:01:30 GMT"), std::chrono::seconds(90));
  EXPECT_EQ(delay("Fri, 15 Jan 2027 07:00:00 GMT"), std::chrono::seconds(0)) << "it is over";
  EXPECT_EQ(delay("soon"), std::chrono::seconds(0));
  EXPECT_EQ(delay("-5"), std::chrono::seconds(0));
}

TEST(GitFailureTest, EachMessageOfGitLeadsToADecision) {
  const std::pair<const char*, Errc> expected[] = {
      {"fatal: could not read Username for 'https://h': terminal prompts disabled",
       Errc::kAccessDenied},
      {"fatal: Authentication failed for 'https://h/o/n/'", Errc::kAccessDenied},
      {"fatal: unable to access 'https://h/o/n/': The requested URL returned error: 403",
       Errc::kAccessDenied},
      {"git@h: Permission denied (publickey).\r\nfatal: Could not read from remote repository.",
       Errc::kAccessDenied},
      {"Host key verification failed.\r\nfatal: Could not read from remote repository.",
       Errc::kAccessDenied},
      {"fatal: detected dubious ownership in repository at '/srv/n.git'", Errc::kAccessDenied},
      {"remote: Repository not found.\nfatal: repository 'https://h/o/n/' not found",
       Errc::kNotFound},
      {"fatal: unable to access 'https://h/o/n/': The requested URL returned error: 410",
       Errc::kNotFound},
      {"fatal: '/srv/n.git' does not appear to be a git repository\nfatal: Could not read from "
       "remote repository.\n\nPlease make sure you have the correct access rights\nand the "
       "repository exists.",
       Errc::kNotFound},
      {"fatal: remote error: upload-pack: not our ref 0123456789", Errc::kNotFound},
      {"fatal: couldn't find remote ref 0123", Errc::kNotFound},
      {"fatal: remote error: access denied or repository not exported: /n", Errc::kNotFound},
      {"error: Server does not allow request for unadvertised object 0123", Errc::kUnsupported},
      {"fatal: dumb http transport does not support shallow capabilities", Errc::kUnsupported},
      {"fatal: mismatched algorithms: client sha1; server sha256", Errc::kUnsupported},
      {"fatal: unable to access 'https://h/o/n/': Operation too slow. Less than 1 bytes/sec "
       "transferred the last 30 seconds",
       Errc::kTimedOut},
      {"ssh: connect to host h port 22: Connection timed out", Errc::kTimedOut},
      {"fatal: unable to access 'https://h/o/n/': Could not resolve host: h", Errc::kUnreachable},
      {"fatal: unable to access 'https://h/o/n/': Failed to connect to h port 443 after 0 ms: "
       "Couldn't connect to server",
       Errc::kUnreachable},
      {"ssh: connect to host h port 22: Connection refused", Errc::kUnreachable},
      {"ssh: connect to host h port 22: No route to host", Errc::kUnreachable},
      {"fatal: unable to connect to h:\nh[0: 127.0.0.1]: errno=Connection refused",
       Errc::kUnreachable},
      {"fatal: the remote end hung up unexpectedly", Errc::kUnreachable},
      {"fatal: unable to access 'https://h/o/n/': The requested URL returned error: 503",
       Errc::kUnreachable},
      {"fatal: write error: No space left on device\nfatal: index-pack failed", Errc::kNoSpace},
      {"error: unable to write file: Disk quota exceeded", Errc::kNoSpace},
      {"fatal: write error: File too large\nfatal: fetch-pack: invalid index-pack output",
       Errc::kNoSpace},
      {"error: object 0123: badTree: cannot be parsed as a tree\nfatal: fsck error in packed "
       "object\nfatal: fetch-pack: invalid index-pack output",
       Errc::kCorrupt},
      {"fatal: pack has bad object at offset 12: inflate returned -3", Errc::kCorrupt},
      {"", Errc::kUnreachable},
  };
  for (const auto& [errors, code] : expected) {
    EXPECT_EQ(ErrcName(Failure(errors).code), ErrcName(code)) << errors;
  }
}

TEST(GitFailureTest, TheMessageIsTheUrlAndTheLineThatSaysMost) {
  EXPECT_EQ(Failure("remote: hello\nfatal: first\nfatal: second\n").message,
            "https://h/o/n: first");
  EXPECT_EQ(Failure("Receiving objects: 10%\rReceiving objects: 20%\rfatal: cut\n").message,
            "https://h/o/n: cut");
  EXPECT_EQ(Failure("").message, "https://h/o/n: git failed without a word");
}

TEST(GitFailureTest, WhatAServerSaysCannotSteerATerminal) {
  EXPECT_EQ(Failure("fatal: remote error: \x1b]0;x\x07\n").message.find('\x1b'), std::string::npos);
}

TEST(GitFailureTest, ASignalIsNotASuccess) {
  ProcessResult result;
  result.signal = SIGKILL;
  EXPECT_EQ(GitFailure(result, kUrl).code, Errc::kUnreachable);
  result.signal = SIGXFSZ;
  EXPECT_EQ(GitFailure(result, kUrl).code, Errc::kNoSpace);
}

class GitCommandTest : public ::testing::Test {
 protected:
  GitCommandTest() {
    source_.url = kUrl;
    source_.host.credentials_file = "/etc/secret-credentials";
    source_.host.ssh_key_file = "/etc/secret-key";
  }

  static std::map<std::string, std::string> Environment(const ProcessOptions& options) {
    std::map<std::string, std::string> variables;
    for (const std::string& variable : options.environment) {
      const std::size_t equals = variable.find('=');
      variables[variable.substr(0, equals)] = variable.substr(equals + 1);
    }
    return variables;
  }

  // The settings that travel in the environment; of one that stands there twice, the last.
  static std::map<std::string, std::string> Settings(const ProcessOptions& options) {
    auto variables = Environment(options);
    std::map<std::string, std::string> settings;
    const int count = std::stoi(variables.at("GIT_CONFIG_COUNT"));
    for (int i = 0; i < count; ++i) {
      settings[variables.at("GIT_CONFIG_KEY_" + std::to_string(i))] =
          variables.at("GIT_CONFIG_VALUE_" + std::to_string(i));
    }
    return settings;
  }

  Source source_;
  FetchOptions limits_;
};

TEST_F(GitCommandTest, ArgumentsFollowGit) {
  EXPECT_EQ(GitCommand({"fetch", "x"}, limits_, &source_).argv,
            (std::vector<std::string>{"git", "fetch", "x"}));
}

TEST_F(GitCommandTest, NobodyIsAsked) {
  const auto variables = Environment(GitCommand({"fetch"}, limits_, &source_));
  EXPECT_EQ(variables.at("GIT_TERMINAL_PROMPT"), "0");
  EXPECT_EQ(variables.at("GIT_ASKPASS"), "");
  EXPECT_EQ(variables.at("SSH_ASKPASS"), "");
  EXPECT_NE(variables.at("GIT_SSH_COMMAND").find("BatchMode=yes"), std::string::npos);
  EXPECT_EQ(variables.at("LC_ALL"), "C") << "messages are understood in English only";
}

TEST_F(GitCommandTest, NoProgramOfARepositoryRuns) {
  const auto settings = Settings(GitCommand({"fetch"}, limits_, &source_));
  EXPECT_EQ(settings.at("core.hooksPath"), "/dev/null");
  EXPECT_EQ(settings.at("core.fsmonitor"), "false");
  EXPECT_EQ(settings.at("core.askPass"), "");
  EXPECT_EQ(settings.at("gc.auto"), "0");
  EXPECT_EQ(settings.at("http.followRedirects"), "false");
  EXPECT_EQ(settings.at("fetch.recurseSubmodules"), "false");
  EXPECT_EQ(settings.at("fetch.fsckObjects"), "true");
}

TEST_F(GitCommandTest, OnlyTheProtocolOfTheUrlIsAllowed) {
  EXPECT_EQ(Environment(GitCommand({"fetch"}, limits_, &source_)).at("GIT_ALLOW_PROTOCOL"),
            "https");
  source_.url = "file:///srv/n.git";
  EXPECT_EQ(Environment(GitCommand({"fetch"}, limits_, &source_)).at("GIT_ALLOW_PROTOCOL"), "file");
}

TEST_F(GitCommandTest, CredentialsAndUrlAreNoArguments) {
  const ProcessOptions options = GitCommand({"fetch", kRemoteName}, limits_, &source_);
  for (const std::string& argument : options.argv) {
    EXPECT_EQ(argument.find("secret"), std::string::npos);
    EXPECT_EQ(argument.find(kUrl), std::string::npos);
  }
  const auto settings = Settings(options);
  EXPECT_EQ(settings.at("credential.helper"), "store --file='/etc/secret-credentials'");
  EXPECT_EQ(settings.at(std::string("remote.") + kRemoteName + ".url"), kUrl);
  EXPECT_NE(Environment(options).at("GIT_SSH_COMMAND").find("'-i' '/etc/secret-key'"),
            std::string::npos);
}

TEST_F(GitCommandTest, VariablesThatChangeGitDoNotReachIt) {
  ::setenv("GIT_DIR", "/elsewhere", 1);
  ::setenv("GIT_CONFIG_PARAMETERS", "'x.y=z'", 1);
  ::setenv("GIT_TRACE", "1", 1);
  const auto variables = Environment(GitCommand({"fetch"}, limits_, &source_));
  for (const char* name : {"GIT_DIR", "GIT_CONFIG_PARAMETERS", "GIT_TRACE"}) {
    ::unsetenv(name);
    EXPECT_FALSE(variables.contains(name)) << name;
  }
}

TEST_F(GitCommandTest, LimitsAreThoseOfTheConfiguration) {
  limits_.memory_bytes = 123 << 20;
  limits_.total_timeout = milliseconds(4567);
  limits_.stall_timeout = milliseconds(7000);
  const ProcessOptions options = GitCommand({"fetch"}, limits_, &source_);
  EXPECT_EQ(options.memory_max_bytes, 123u << 20);
  EXPECT_EQ(options.timeout, milliseconds(4567));
  EXPECT_EQ(Settings(options).at("http.lowSpeedTime"), "7");
}

TEST_F(GitCommandTest, WithoutASourceThereIsNoRemote) {
  const ProcessOptions options = GitCommand({"repack"}, limits_, nullptr);
  EXPECT_FALSE(Settings(options).contains(std::string("remote.") + kRemoteName + ".url"));
  EXPECT_FALSE(Settings(options).contains("credential.helper"));
}

}  // namespace
}  // namespace reposfs
