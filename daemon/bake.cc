#include "daemon/bake.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "cache/repository_url.h"
#include "daemon/control_client.h"
#include "daemon/http_answer.h"

namespace reposfs {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::chrono::milliseconds kWaitMax(1'000);

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
  auto key = KeyOfUrl(url, hosts);
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

// One request, from the first question to the host until the answer.
class Baking : public std::enable_shared_from_this<Baking> {
 public:
  Baking(RepositoryCache& cache, WaitingRoom& waiting, RepositoryKey key, HttpServer::Reply reply)
      : cache_(cache),
        waiting_(waiting),
        key_(std::move(key)),
        reply_(std::move(reply)),
        deadline_(std::chrono::steady_clock::now() + kWaitMax) {}

  void Start() {
    const RepositoryPtr known = cache_.Find(key_);
    const bool here = known && known->stage() == Stage::kComplete;
    // Whoever asks again and again for what is not there asks the host once.
    WaitFor(here ? cache_.Refresh(known, Failures::kBelieved)
                 : cache_.Warm(key_, StageWanted(), Failures::kBelieved));
  }

 private:
  Stage StageWanted() const {
    return cache_.HistoryOf(key_) == HistoryPolicy::kNone ? Stage::kContent : Stage::kComplete;
  }

  void WaitFor(const FlightPtr& flight) {
    waiting_.Wait(flight, deadline_, [self = shared_from_this()](const auto& landed) {
      if (!landed) return self->AnswerLater();
      if (!*landed) return self->reply_(Failure(landed->error()));
      self->Finish();
    });
  }

  void Finish() {
    const auto target = cache_.DefaultView(key_);
    const bool late = std::chrono::steady_clock::now() >= deadline_;
    if (!target || late) return AnswerLater();  // No target: it was evicted meanwhile.
    const auto outcome = cache_.FinalInsightsOf(*target);
    if (outcome.waits()) return WaitFor(outcome.flight());
    if (!outcome.has_value()) return reply_(Failure(outcome.result().error()));
    reply_({200, "application/json", outcome.result().value()->json});
  }

  void AnswerLater() {
    const RepositoryPtr repository = cache_.Find(key_);
    const std::string key = key_.Text();
    reply_(Answer({{"key", key},
                   {"stage", StageName(repository ? repository->stage() : Stage::kAbsent)},
                   {"repository", RepoTarget(key)},
                   {"insights", RepoTarget(key, "/insights")}},
                  202));
  }

  RepositoryCache& cache_;
  WaitingRoom& waiting_;
  const RepositoryKey key_;
  const HttpServer::Reply reply_;
  const WaitingRoom::SteadyTime deadline_;
};

}  // namespace

void HandleBake(RepositoryCache& cache, WaitingRoom& waiting,
                const std::map<std::string, HostOptions>& hosts, const HttpRequest& request,
                const HttpServer::Reply& reply) {
  if (!request.content_type.starts_with("application/json")) {
    return reply(Answer({{"error", "send the body as Content-Type: application/json"},
                         {"code", ErrcName(Errc::kInvalidArgument)}},
                        415));
  }
  const auto url = UrlOf(request.body);
  if (!url) return reply(Failure(url.error()));
  const auto key = KeyOf(*url, hosts);
  if (!key) return reply(Failure(key.error()));
  std::make_shared<Baking>(cache, waiting, *key, reply)->Start();
}

}  // namespace reposfs
