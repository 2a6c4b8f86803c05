#include "daemon/bake.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/text.h"
#include "daemon/control_client.h"
#include "daemon/http_answer.h"
#include "daemon/repo_argument.h"

namespace reposfs {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::chrono::milliseconds kWaitMax(1'000);
constexpr std::chrono::milliseconds kPollEvery(100);

// The host of `url`, lower case; empty if there is none.
std::string HostOf(const std::string& url) {
  std::string_view rest = std::string_view(url).substr(url.find("://") + 3);
  rest = rest.substr(0, rest.find('/'));
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) rest.remove_prefix(at + 1);
  return AsciiLower(rest.substr(0, rest.find(':')));
}

Result<std::string> UrlOf(const std::string& body) {
  const Json asked = Json::parse(body, nullptr, false);
  if (!asked.is_object() || !asked.contains("url") || !asked["url"].is_string()) {
    return Error{Errc::kInvalidArgument, R"(the body must be {"url": "https://host/owner/name"})"};
  }
  const auto url = asked["url"].get<std::string>();
  const bool strange =
      std::any_of(url.begin(), url.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f; });
  const bool placed =
      url.starts_with("file:///") || (url.find("://") != std::string::npos && !HostOf(url).empty());
  if (strange || !placed) {
    return Error{Errc::kInvalidArgument, "\"" + Printable(url) +
                                             "\" is no URL of a repository; write for example "
                                             "https://github.com/git/git"};
  }
  return url;
}

// The key that `url` stands for.  Errors: kInvalidArgument; kUnsupported if no configured host is
// there.
Result<RepositoryKey> KeyOf(const std::string& url,
                            const std::map<std::string, HostOptions>& hosts) {
  auto key = ParseRepoArgument(url, {"/", {}, hosts});
  if (!key) {
    const std::string host = HostOf(url);
    const bool known = std::any_of(hosts.begin(), hosts.end(), [&](const auto& one) {
      return one.first == host || HostOf(one.second.url) == host;
    });
    return Error{known ? Errc::kInvalidArgument : Errc::kUnsupported, key.error().message};
  }
  auto parsed = ParseRepositoryKey(*key);
  if (!parsed) return parsed;
  if (hosts.at(parsed->host).case_insensitive) {
    parsed->owner = AsciiLower(parsed->owner);
    parsed->name = AsciiLower(parsed->name);
  }
  return parsed;
}

// What the default branch tells, if it has been computed from as much as there will be.
InsightsDocumentPtr DocumentOf(RepositoryCache& cache, const RepositoryKey& key) {
  const RepositoryPtr repository = cache.Find(key);
  const RefSnapshotPtr refs = repository ? repository->refs() : nullptr;
  if (!refs || refs->head().IsNull()) return nullptr;
  const bool all_here =
      repository->stage() == Stage::kComplete || cache.HistoryOf(key) != HistoryPolicy::kComplete;
  if (!all_here) return nullptr;
  auto document = cache.InsightsOf(Target{repository, {"", refs->head(), refs->head()}});
  // The one that was computed before the history came is about to be replaced.
  const bool awaited = document && !document->complete && repository->stage() == Stage::kComplete;
  return awaited ? nullptr : document;
}

}  // namespace

HttpResponse HandleBake(RepositoryCache& cache, const std::map<std::string, HostOptions>& hosts,
                        const HttpRequest& request) {
  if (!request.content_type.starts_with("application/json")) {
    return Answer({{"error", "send the body as Content-Type: application/json"},
                   {"code", ErrcName(Errc::kInvalidArgument)}},
                  415);
  }
  const auto url = UrlOf(request.body);
  if (!url) return Failure(url.error());
  const auto key = KeyOf(*url, hosts);
  if (!key) return Failure(key.error());

  const RepositoryPtr known = cache.Find(*key);
  const bool complete = known && known->stage() == Stage::kComplete;
  const FlightPtr fetched = complete ? cache.Refresh(known) : cache.Warm(*key, Stage::kComplete);
  const auto deadline = std::chrono::steady_clock::now() + kWaitMax;
  while (std::chrono::steady_clock::now() < deadline) {
    if (fetched->landed()) {
      if (auto status = fetched->Wait(); !status) return Failure(status.error());
      if (const auto document = DocumentOf(cache, *key)) {
        return {200, "application/json", document->json};
      }
    }
    std::this_thread::sleep_for(kPollEvery);
  }
  const RepositoryPtr repository = cache.Find(*key);
  return Answer({{"key", key->Text()},
                 {"stage", StageName(repository ? repository->stage() : Stage::kAbsent)},
                 {"repository", RepoTarget(key->Text())},
                 {"insights", RepoTarget(key->Text(), "/insights")}},
                202);
}

}  // namespace reposfs
