// A reposfs daemon of a test's own: its configuration, its process, its mount.
//
// Thread-safety: none; but the mount may be used from any thread while no method runs.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/command.h"
#include "tests/support/temp_dir.h"

namespace reposfs::testing {

// The program under test: the one just built, or $TEST_BINARY.
std::string Binary();

class Daemon {
 public:
  Daemon();
  // Ends the process and unmounts, whatever state they are in.
  ~Daemon();

  // --- Before Start() ---

  // `key` as in the configuration file, "cache.quota"; `value` as YAML, for example "[a, b]".
  void Set(const std::string& key, const std::string& value) { settings_[key] = value; }
  void Unset(const std::string& key) { settings_.erase(key); }
  // Adds `hosts.<name>`; `more` are further keys of it, for example ", caseInsensitive: true".
  void AddHost(const std::string& name, const std::string& url, const std::string& more = "");
  // The cache goes elsewhere than into a directory of this object's own.
  void SetCache(const std::filesystem::path& directory);
  // "NAME=value" in the environment of the process.
  void SetEnvironment(const std::string& variable) { environment_.push_back(variable); }

  // It runs on another machine (tests/support/network.h).
  void SetMachine(Argv enter) { enter_ = std::move(enter); }

  // --- The process ---

  // Mounts, and waits until the mount answers.
  ::testing::AssertionResult Start();
  // SIGTERM, and waits for a clean end: exit status 0 and nothing mounted.
  ::testing::AssertionResult Terminate();
  // SIGKILL, and removes the dead mount.
  void Kill9();
  // Terminate() if it runs, then Start().
  ::testing::AssertionResult Restart();
  pid_t pid() const { return process_.pid(); }
  bool running() { return process_.running(); }
  bool mounted() const;
  std::string Log() const;
  // Resident memory in bytes.
  std::uint64_t MemoryBytes() const;

  // --- What it offers ---

  const std::filesystem::path& mountpoint() const { return mountpoint_; }
  const std::filesystem::path& cache() const { return cache_; }
  const std::filesystem::path& config_file() const { return config_file_; }
  std::filesystem::path operator/(const std::string& key) const { return mountpoint_ / key; }

  // `reposfs <args> --config <ours>`
  CommandResult Cli(const Argv& args, milliseconds timeout = std::chrono::minutes(2)) const;
  // `reposfs <args> --json`, parsed; null, and a failure of the test, if it can't be.
  nlohmann::json CliJson(Argv args) const;
  nlohmann::json Show(const std::string& key) const { return CliJson({"show", key}); }
  std::string Stage(const std::string& key) const;
  // `warm KEY --stage STAGE --wait`, and checks that the stage is reached.
  ::testing::AssertionResult Warm(const std::string& key, const std::string& stage = "complete",
                                  milliseconds timeout = std::chrono::minutes(1)) const;
  // Waits until background jobs have brought `key` to `stage`.
  ::testing::AssertionResult WaitForStage(const std::string& key, const std::string& stage,
                                          milliseconds timeout = std::chrono::minutes(1)) const;
  // Keys that are on disk now, as `list` tells them.
  std::vector<std::string> CachedKeys() const;

 private:
  void WriteConfiguration() const;
  void Unmount() const;

  TempDir directory_{"daemon"};
  std::filesystem::path mountpoint_;
  std::filesystem::path cache_;
  std::filesystem::path config_file_;
  std::filesystem::path log_;
  std::map<std::string, std::string> settings_;
  std::map<std::string, std::string> hosts_;
  std::vector<std::string> environment_;
  Argv enter_;
  ChildProcess process_;
};

}  // namespace reposfs::testing
