// The fixture of the suites on one Transport: a real git host, and stagings to fetch into.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/file_util.h"
#include "cache/git_transport.h"
#include "cache/staging.h"
#include "tests/cache/packed_repository.h"
#include "tests/cache/tested_client.h"
#include "tests/support/command.h"
#include "tests/support/files.h"
#include "tests/support/git_server.h"
#include "tests/support/sample_repositories.h"
#include "tests/support/tcp_server.h"
#include "tests/support/temp_dir.h"

namespace reposfs {

class TransportTest : public ::testing::Test {
 protected:
  static constexpr milliseconds kSoon = std::chrono::seconds(20);

  TransportTest() {
    // What the user of this machine has configured is not the matter here.
    SetGitConfig("");
    for (const char* name : {"GIT_SSL_CAINFO", "http_proxy", "https_proxy", "HTTPS_PROXY",
                             "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"}) {
      ::unsetenv(name);
    }
    limits_.stall_timeout = kSoon;
    Restart();
  }
  ~TransportTest() override { ::unsetenv("GIT_CONFIG_GLOBAL"); }

  // A Transport that knows no server.
  void Restart() { transport_ = MakeTransport(limits_, *tested_io_engine); }

  void SetGitConfig(const std::string& text) {
    testing::WriteFile(directory_ / "gitconfig", text);
    ::setenv("GIT_CONFIG_GLOBAL", (directory_ / "gitconfig").c_str(), 1);
  }

  Source SourceOf(const std::string& url) const {
    Source source;
    source.url = url;
    return source;
  }
  Source Upstream(const std::string& name) const { return SourceOf(server_.Url(name)); }
  Source Private(const std::string& name) const {
    return SourceOf("http://127.0.0.1:" + std::to_string(server_.port()) + "/private/" + name +
                    ".git");
  }
  Oid Find(const std::string& name, const std::string& revision) const {
    return OidOf(testing::Git(server_.Path(name), {"rev-parse", revision}));
  }

  // A store and what it brings into it, one transfer after the other.
  struct Local {
    explicit Local(std::filesystem::path place) : path(std::move(place)), store(path / "store") {
      EXPECT_TRUE(store.Create());
    }
    Status Fetch(Transport& transport, FetchRequest request, bool is_whole = false) {
      request.staging = path / "staging";
      auto staging = Staging::Create(request.staging, store, request.haves);
      if (!staging) return std::move(staging).error();
      if (is_whole) {
        EXPECT_TRUE(staging->ForgetShallow());
      }
      if (auto fetched = transport.Fetch(request); !fetched) {
        left_behind = testing::Output({"find", (request.staging / "objects").string(), "-type", "f",
                                       "-not", "-name", "alternates"});
        shallow_left_behind = staging->shallow_after();
        return fetched;
      }
      EXPECT_TRUE(staging->Seal());
      return store.Adopt(*staging);
    }
    // "<type> <id>" of every object, sorted.
    std::string Objects() const {
      return testing::Sh("cd '" + (path / "store").string() + "' && git init -q --bare '" +
                         (path / "view").string() +
                         "' && GIT_ALTERNATE_OBJECT_DIRECTORIES=$PWD/objects git -C '" +
                         (path / "view").string() +
                         "' cat-file --batch-check='%(objecttype) %(objectname)' "
                         "--batch-all-objects --unordered | sort")
          .out;
    }

    const std::filesystem::path path;
    const StoreDirectory store;
    std::string left_behind;
    std::set<Oid> shallow_left_behind;
  };

  FetchRequest Request(const Source& source, std::vector<Oid> wants) const {
    FetchRequest request;
    request.source = source;
    request.wants = std::move(wants);
    return request;
  }
  FetchRequest Tip(const Source& source, const Oid& want) const {
    FetchRequest request = Request(source, {want});
    request.depth = FetchDepth::kCommitOnly;
    request.without_blobs = true;
    return request;
  }

  // Errors of listing the refs of `source`.
  Errc ListFailure(const Source& source) {
    const auto refs = transport_->ListRefs(source, {});
    EXPECT_FALSE(refs);
    message_ = refs ? "" : refs.error().message;
    return refs ? Errc::kIo : refs.error().code;
  }

  testing::TempDir directory_{"transport"};
  testing::GitServer server_;
  FetchOptions limits_;
  std::unique_ptr<Transport> transport_;
  std::string message_;
};

}  // namespace reposfs
