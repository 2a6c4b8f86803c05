#include "daemon/ring_service.h"

#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "daemon/http_answer.h"
#include "daemon/secret_file.h"

namespace reposfs {
namespace {

constexpr std::chrono::seconds kMembersKnownWithin(5);
constexpr milliseconds kLookEvery(10);

HttpTlsOptions TlsOf(const Config& config) {
  return {config.ring.tls.ca_file, config.ring.tls.certificate_file, config.ring.tls.key_file};
}

RingOriginOptions OriginOptionsOf(const Config& config, const std::string& token) {
  return {token, TlsOf(config), config.ring.timeout, config.ring.transfer_bandwidth};
}

RingKeeperOptions KeeperOptionsOf(const Config& config, const std::string& token) {
  return {token, TlsOf(config), config.ring.health_check_interval, config.ring.timeout};
}

}  // namespace

Result<std::unique_ptr<RingService>> RingService::Make(const Config& config, RingRole role,
                                                       LockService* locks, const Clock& clock) {
  if (!config.ring.enabled) return std::unique_ptr<RingService>();
  auto membership = MakeMembership(config, role, clock);
  if (!membership) return std::move(membership).error();
  std::string token;
  if (!config.ring.token_file.empty()) {
    auto secret = ReadSecret(config.ring.token_file);
    if (!secret) return std::move(secret).error().Within("ring.tokenFile");
    token = std::move(*secret);
  }
  return std::unique_ptr<RingService>(
      new RingService(config, std::move(*membership), locks, token));
}

RingService::RingService(const Config& config, std::unique_ptr<Membership> membership,
                         LockService* locks, const std::string& token)
    : membership_(std::move(membership)),
      keeper_options_(KeeperOptionsOf(config, token)),
      origin_(UpstreamOrigin(config.hosts), *membership_, locks, OriginOptionsOf(config, token)) {
  membership_->AddListener([this](const RingView& before, const RingView& after) {
    if (RingKeeper* keeper = listening_.load(std::memory_order_acquire)) {
      keeper->RingChanged(before, after);
    }
  });
  router_.AddSimple("GET", "/v1/ring/holdings/{epoch}/{revision}", ControlAccess::kPeer,
                    [this](const RoutedRequest& call) { return TellHoldings(call); });
  router_.AddSimple("POST", "/v1/ring/news", ControlAccess::kPeer,
                    [this](const RoutedRequest& call) { return TakeNews(call); });
}

RingService::~RingService() {
  Stop();
}

void RingService::Start() {
  membership_->Start();
  const auto deadline = std::chrono::steady_clock::now() + kMembersKnownWithin;
  while (membership_->view()->nodes().empty() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(kLookEvery);
  }
}

void RingService::Keep(RepositoryCache& cache) {
  keeper_ = std::make_unique<RingKeeper>(cache, origin_, *membership_, keeper_options_);
  listening_.store(keeper_.get(), std::memory_order_release);
  keeper_->Start();
}

void RingService::Stop() {
  if (keeper_) keeper_->Stop();
  membership_->Stop();
}

bool RingService::IsForPeers(std::string_view path) {
  return path.starts_with("/v1/ring/holdings/") || path == "/v1/ring/news";
}

HttpResponse RingService::TellHoldings(const RoutedRequest& call) const {
  std::int64_t revision = 0;
  const std::string& text = call.parts[1];
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), revision);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return Failure({Errc::kInvalidArgument, "a revision is a number"});
  }
  return {200, "application/json", HoldingsToJson(keeper_->HoldingsSince(call.parts[0], revision))};
}

HttpResponse RingService::TakeNews(const RoutedRequest& call) {
  const nlohmann::json news = nlohmann::json::parse(call.request.body, nullptr, false);
  if (!news.is_object() || !news.contains("node") || !news["node"].is_string()) {
    return Failure({Errc::kInvalidArgument, R"(the body must be {"node": "the id of the node"})"});
  }
  keeper_->NoteNews(news["node"].get<std::string>());
  return Answer({{"status", "ok"}});
}

}  // namespace reposfs
