#include "base/lock_backend.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "base/text.h"

namespace reposfs {
namespace {

constexpr std::array<std::string_view, 4> kScopeNames = {"cluster", "repository", "ref", "object"};
constexpr std::array<std::string_view, 2> kModeNames = {"shared", "exclusive"};

template <typename Enum, std::size_t count>
std::optional<Enum> Find(const std::array<std::string_view, count>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

}  // namespace

std::string_view LockScopeName(LockScope scope) {
  return kScopeNames[static_cast<std::size_t>(scope)];
}

std::optional<LockScope> ParseLockScope(std::string_view name) {
  return Find<LockScope>(kScopeNames, name);
}

std::string_view LockModeName(LockMode mode) {
  return kModeNames[static_cast<std::size_t>(mode)];
}

std::optional<LockMode> ParseLockMode(std::string_view name) {
  return Find<LockMode>(kModeNames, name);
}

std::string LockText(const LockName& name) {
  return std::string(LockScopeName(name.scope)) + ":" + Printable(name.name);
}

std::string LockOwnerName() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return std::string(host.data()) + ":" + std::to_string(::getpid());
}

void MarkHolders(std::vector<LockRecord>& records) {
  const auto key = [](const LockRecord& record) {
    return std::tie(record.name.scope, record.name.name, record.token);
  };
  std::sort(records.begin(), records.end(),
            [&](const LockRecord& a, const LockRecord& b) { return key(a) < key(b); });
  const LockRecord* before = nullptr;
  bool exclusive_before = false;
  for (LockRecord& record : records) {
    const bool first = before == nullptr || before->name.scope != record.name.scope ||
                       before->name.name != record.name.name;
    if (first) exclusive_before = false;
    record.held = first || (record.mode == LockMode::kShared && !exclusive_before);
    exclusive_before |= record.mode == LockMode::kExclusive;
    before = &record;
  }
}

}  // namespace reposfs
