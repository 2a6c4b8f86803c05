// The fixture of the suites on a whole RepositoryCache: a git host on the disk, and a cache of it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cache/repository_cache.h"
#include "tests/cache/controlled_transport.h"
#include "tests/cache/manual_clock.h"
#include "tests/cache/packed_repository.h"
#include "tests/support/command.h"
#include "tests/support/files.h"
#include "tests/support/sample_repositories.h"
#include "tests/support/temp_dir.h"

namespace reposfs {

class CacheTest : public ::testing::Test {
 protected:
  static constexpr milliseconds kSoon = std::chrono::seconds(60);

  CacheTest() {
    options_.cache.directory = directory_ / "cache";
    options_.fetch.concurrency = 16;
    HostOptions host;
    host.url = "file://" + (directory_ / "upstreams").string() + "/{owner}/{name}.git";
    host.max_concurrent_fetches = 16;
    origin_ = std::make_unique<UpstreamOrigin>(std::map<std::string, HostOptions>{{"h", host}});
  }

  void TearDown() override {
    transport_.HoldLists(false);
    transport_.HoldFetches({});
    transport_.HoldAfterTree(false);
    cache_.reset();
    EXPECT_LE(testing::OpenFdCount(), fd_count_) << "leaked";
  }

  // An empty bare repository that the host serves as h/o/<name>, filters and single objects
  // included.
  std::filesystem::path MakeUpstream(const std::string& name) {
    const std::filesystem::path path = Upstream(name);
    testing::Output({"git", "init", "-q", "--bare", "--initial-branch=main", path.string()});
    for (const char* setting : {"uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"}) {
      testing::Git(path, {"config", setting, "true"});
    }
    return path;
  }
  std::filesystem::path Upstream(const std::string& name) const {
    return directory_ / "upstreams/o" / (name + ".git");
  }
  // The object id of `revision` at the host.
  Oid Find(const std::string& name, const std::string& revision) const {
    return OidOf(testing::Git(Upstream(name), {"rev-parse", revision}));
  }

  void Open() {
    auto cache = RepositoryCache::Open(options_, *origin_, transport_, clock_);
    if (!cache) throw std::runtime_error(cache.error().message);
    cache_ = std::move(*cache);
  }
  void Close() { cache_.reset(); }

  static RepositoryKey Key(const std::string& name) { return RepositoryKey{"h", "o", name}; }

  // What `ask` answers in the end, however often it has to be waited for.
  template <typename Ask>
  static auto Await(Ask ask) -> std::remove_cvref_t<decltype(ask().result())> {
    for (int round = 0; round < 50; ++round) {
      auto outcome = ask();
      if (!outcome.waits()) return outcome.result();
      if (Status landed = outcome.flight()->Wait(); !landed) return std::move(landed).error();
    }
    return Error{Errc::kTimedOut, "50 flights have landed, and it waits for another one"};
  }

  Result<Target> Resolve(const std::string& name, const std::string& spelling = "") {
    return Await([&] { return cache_->Resolve(Key(name), spelling, Staleness::kAsConfigured); });
  }

  // The commit that `spelling` of a repository shows.
  Oid CommitOf(const std::string& name, const std::string& spelling = "") {
    const auto target = Resolve(name, spelling);
    if (target) return target->ref.commit;
    ADD_FAILURE() << target.error().message;
    return Oid{};
  }

  // The content of `path`, which may lead through directories.
  Result<std::string> ReadFileOf(const Target& target, const std::string& path) {
    auto commit = Await([&] { return cache_->ReadCommit(target); });
    if (!commit) return std::move(commit).error();
    Oid tree = commit->tree;
    std::string rest = path;
    while (true) {
      auto directory =
          Await([&] { return cache_->ReadDirectory(target, tree, Sizes::kNotNeeded); });
      if (!directory) return std::move(directory).error();
      const std::size_t slash = rest.find('/');
      const TreeEntry* entry = (*directory)->Find(rest.substr(0, slash));
      if (entry == nullptr) return Error{Errc::kNotFound, "no " + path};
      if (slash == std::string::npos) {
        auto content = Await([&] { return cache_->ReadBlob(target, tree, entry->oid); });
        if (!content) return std::move(content).error();
        return **content;
      }
      tree = entry->oid;
      rest.erase(0, slash + 1);
    }
  }
  Result<std::string> ReadFileOf(const std::string& name, const std::string& path) {
    auto target = Resolve(name);
    if (!target) return std::move(target).error();
    return ReadFileOf(*target, path);
  }

  Status Warm(const std::string& name, Stage stage) {
    return cache_->Warm(Key(name), stage)->Wait();
  }
  RepositoryPtr Repo(const std::string& name) { return cache_->Find(Key(name)); }
  bool IsQuietSoon() {
    return testing::WaitUntil(
        [&] {
          const auto jobs = cache_->Jobs();
          const bool owed = std::any_of(jobs->begin(), jobs->end(), [](const Job& job) {
            return job.state != JobState::kFailed;
          });
          return !owed && cache_->ActiveTransfers().empty();
        },
        kSoon);
  }
  std::filesystem::path DirectoryOf(const std::string& name) {
    return Repo(name)->directory().path();
  }

  const std::size_t fd_count_ = testing::OpenFdCount();
  testing::TempDir directory_{"cache"};
  RepositoryCacheOptions options_;
  ManualClock clock_;
  std::unique_ptr<Origin> origin_;
  ControlledTransport transport_{FetchOptions{}};
  std::unique_ptr<RepositoryCache> cache_;
};

}  // namespace reposfs
