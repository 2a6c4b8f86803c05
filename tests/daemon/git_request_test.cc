#include "daemon/git_request.h"

#include <gtest/gtest.h>

namespace reposfs {
namespace {

const UpstreamOrigin& SomeHosts() {
  static const UpstreamOrigin origin = [] {
    std::map<std::string, HostOptions> hosts;
    hosts["exact.org"] = {};
    hosts["github.com"].case_insensitive = true;
    return UpstreamOrigin(std::move(hosts));
  }();
  return origin;
}

HttpRequest Get(const std::string& path, const std::string& service = "git-upload-pack") {
  HttpRequest request{"GET", path, ""};
  if (!service.empty()) request.query["service"] = service;
  return request;
}

std::string KeyOf(const std::string& path) {
  const auto parsed = ParseGitRequest(Get(path), SomeHosts());
  return parsed ? parsed->key.Text() : std::string(ErrcName(parsed.error().code));
}

TEST(GitRequestTest, GitsPathsAreTold) {
  EXPECT_TRUE(IsGitPath("/h/o/n.git/info/refs"));
  EXPECT_TRUE(IsGitPath("/h/o/n/git-upload-pack"));
  EXPECT_TRUE(IsGitPath("/h/o/n/git-receive-pack"));
  EXPECT_TRUE(IsGitPath("/h/o/n.git/clone.bundle"));
  EXPECT_TRUE(IsGitPath("/h/o/n/objects/info/packs"));
  EXPECT_FALSE(IsGitPath("/v1/status"));
  EXPECT_FALSE(IsGitPath("/v1/repos/h/o/n"));
  EXPECT_FALSE(IsGitPath("/v1/repos/h/o/n/insights"));
  EXPECT_FALSE(IsGitPath("/info/refs"));
  EXPECT_FALSE(IsGitPath("/h/o/n/x/info/refs"));
}

TEST(GitRequestTest, NamesAreDecodedOnceAndCheckedThen) {
  EXPECT_EQ(KeyOf("/exact.org/Owner/Name.git/info/refs"), "exact.org/Owner/Name");
  EXPECT_EQ(KeyOf("/exact.org/Owner/Name/info/refs"), "exact.org/Owner/Name");
  EXPECT_EQ(KeyOf("/GitHub.com/Owner/Name.git/info/refs"), "github.com/owner/name");
  EXPECT_EQ(KeyOf("/exact.org/o%2Bo/n/info/refs"), "exact.org/o+o/n");
  EXPECT_EQ(KeyOf("/nowhere.org/o/n/info/refs"), "not-found");
  for (const char* path :
       {"/exact.org/../n/info/refs", "/exact.org/%2e%2e/n/info/refs", "/exact.org/o/../info/refs",
        "/exact.org/o/..%2f..%2fetc/info/refs", "/exact.org/o%2Fp/n/info/refs",
        "/exact.org/o/%252e%252e/info/refs", "/exact.org/o/n%00/info/refs",
        "/exact.org/o/n%0a/info/refs", "/exact.org/o//info/refs", "/exact.org//n/info/refs",
        "/exact.org/-o/n/info/refs", "/exact.org/o/.git/info/refs"}) {
    EXPECT_EQ(KeyOf(path), "invalid-argument") << path;
  }
}

TEST(GitRequestTest, WhatIsAskedIsTold) {
  const auto resource = [](const HttpRequest& request) {
    return ParseGitRequest(request, SomeHosts())->resource;
  };
  EXPECT_EQ(resource(Get("/exact.org/o/n/info/refs")), GitResource::kAdvertisement);
  EXPECT_EQ(resource(Get("/exact.org/o/n/info/refs", "git-receive-pack")),
            GitResource::kReceivePack);
  EXPECT_EQ(resource(Get("/exact.org/o/n/info/refs", "")), GitResource::kDumb);
  EXPECT_EQ(resource(Get("/exact.org/o/n/git-upload-pack", "")), GitResource::kDumb);
  EXPECT_EQ(resource({"POST", "/exact.org/o/n/git-upload-pack", ""}), GitResource::kUploadPack);
  EXPECT_EQ(resource({"POST", "/exact.org/o/n/git-receive-pack", ""}), GitResource::kReceivePack);
  EXPECT_EQ(resource(Get("/exact.org/o/n.git/clone.bundle", "")), GitResource::kBundle);
  EXPECT_EQ(resource({"POST", "/exact.org/o/n.git/clone.bundle", ""}), GitResource::kDumb);

  HttpRequest request = Get("/exact.org/o/n/info/refs");
  EXPECT_EQ(ParseGitRequest(request, SomeHosts())->version, UploadVersion::kZero);
  EXPECT_FALSE(ParseGitRequest(request, SomeHosts())->is_peer);
  request.headers = {{"git-protocol", "version=2"}, {"cache-control", "only-if-cached"}};
  EXPECT_EQ(ParseGitRequest(request, SomeHosts())->version, UploadVersion::kTwo);
  EXPECT_TRUE(ParseGitRequest(request, SomeHosts())->is_peer);
  EXPECT_TRUE(ParseGitRequest(request, SomeHosts())->only_if_cached);
}

bool Shows(const std::string& authorization, const std::string& token = "s3cret:x") {
  HttpRequest request = Get("/exact.org/o/n/info/refs");
  if (!authorization.empty()) request.headers["authorization"] = authorization;
  return ShowsToken(request, token);
}

TEST(GitRequestTest, TheSecretIsShownAsBearerOrAsPassword) {
  EXPECT_TRUE(Shows("Bearer s3cret:x"));
  EXPECT_TRUE(Shows("bearer s3cret:x"));
  EXPECT_TRUE(Shows("Basic YW55Ym9keTpzM2NyZXQ6eA==")) << "anybody:s3cret:x";
  EXPECT_TRUE(Shows("Basic OnMzY3JldDp4")) << ":s3cret:x";
  EXPECT_FALSE(Shows(""));
  EXPECT_FALSE(Shows("Bearer "));
  EXPECT_FALSE(Shows("Bearer s3cret:"));
  EXPECT_FALSE(Shows("Bearer s3cret:xs3cret:x"));
  EXPECT_FALSE(Shows("Basic czNjcmV0Ong=")) << "s3cret:x, and so the password x";
  EXPECT_FALSE(Shows("Basic !!!"));
  EXPECT_FALSE(Shows("Digest s3cret:x"));
  EXPECT_FALSE(Shows("Bearer ", "")) << "no secret is nobody's";
  EXPECT_FALSE(Shows("", ""));
}

}  // namespace
}  // namespace reposfs
