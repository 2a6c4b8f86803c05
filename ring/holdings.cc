#include "ring/holdings.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace reposfs {
namespace {

using Json = nlohmann::json;

constexpr int kStageMax = 100;
constexpr std::size_t kTextMaxBytes = 1024;

std::int64_t NumberOf(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : -1;
}

std::string TextOf(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return {};
  std::string text = found->get<std::string>();
  return text.size() <= kTextMaxBytes ? text : std::string();
}

Error NotHoldings(const std::string& what) {
  return {Errc::kCorrupt, "not the holdings of a node: " + what};
}

}  // namespace

std::string HoldingsToJson(const HoldingsPage& page) {
  Json repositories = Json::array();
  for (const auto& [key, holding] : page.holdings) {
    repositories.push_back({{"key", key},
                            {"stage", holding.stage},
                            {"head", holding.head},
                            {"checkedAt", ToMs(holding.checked_at)},
                            {"openedAt", ToMs(holding.opened_at)},
                            {"bytes", holding.size_bytes}});
  }
  const Json json = {{"epoch", page.epoch},
                     {"revision", page.revision},
                     {"whole", page.whole},
                     {"repositories", std::move(repositories)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<HoldingsPage> HoldingsFromJson(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return NotHoldings("no object");
  const auto listed = json.find("repositories");
  const auto whole = json.find("whole");
  HoldingsPage page;
  page.epoch = TextOf(json, "epoch");
  page.revision = NumberOf(json, "revision");
  const bool complete = listed != json.end() && listed->is_array() && whole != json.end() &&
                        whole->is_boolean() && !page.epoch.empty() && page.revision >= 0;
  if (!complete) return NotHoldings("a field is missing");
  if (listed->size() > kHoldingCountMax) return NotHoldings("too many repositories");
  page.whole = whole->get<bool>();
  for (const Json& one : *listed) {
    if (!one.is_object()) return NotHoldings("a repository is no object");
    std::string key = TextOf(one, "key");
    const std::int64_t stage = NumberOf(one, "stage");
    const std::int64_t checked_at = NumberOf(one, "checkedAt");
    const std::int64_t opened_at = NumberOf(one, "openedAt");
    const std::int64_t size_bytes = NumberOf(one, "bytes");
    const bool good = !key.empty() && stage >= 0 && stage <= kStageMax && checked_at >= 0 &&
                      opened_at >= 0 && size_bytes >= 0;
    if (!good) return NotHoldings("a field of a repository is missing");
    page.holdings.insert_or_assign(
        std::move(key), Holding{static_cast<int>(stage), TextOf(one, "head"), FromMs(checked_at),
                                FromMs(opened_at), static_cast<std::uint64_t>(size_bytes)});
  }
  return page;
}

void Merge(const HoldingsPage& page, Holdings& known) {
  if (page.whole) known.clear();
  for (const auto& [key, holding] : page.holdings) {
    if (holding.stage == 0) {
      known.erase(key);
    } else {
      known.insert_or_assign(key, holding);
    }
  }
}

}  // namespace reposfs
