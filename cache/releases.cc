#include "cache/releases.h"

#include <algorithm>
#include <set>
#include <string>

#include "base/text.h"

namespace reposfs {

bool LooksLikeRelease(std::string_view tag) {
  return tag.find_first_of("0123456789") != std::string_view::npos;
}

bool LooksLikePrerelease(std::string_view tag) {
  const std::string lower = AsciiLower(tag);
  for (const char* mark : {"alpha", "beta", "nightly", "snapshot", "canary", "preview", "-pre",
                           ".pre", "-dev", ".dev"}) {
    if (lower.find(mark) != std::string::npos) return true;
  }
  // "rc", but not in a word: "v1.0rc2", "v1.0-rc2".
  for (std::size_t at = lower.find("rc"); at != std::string::npos; at = lower.find("rc", at + 1)) {
    const auto letter = [&](std::size_t i) {
      return i < lower.size() && lower[i] >= 'a' && lower[i] <= 'z';
    };
    if (at > 0 && !letter(at - 1) && !letter(at + 2)) return true;
  }
  return false;
}

std::optional<double> CadenceDays(const std::vector<Release>& releases) {
  constexpr std::int64_t kDay = 86'400;
  std::set<std::int64_t> days;
  for (const Release& release : releases) {
    if (!release.is_prerelease) days.insert(release.committed_at_s / kDay);
  }
  if (days.size() < 2) return std::nullopt;
  std::vector<std::int64_t> gaps;
  for (auto day = std::next(days.begin()); day != days.end(); ++day) {
    gaps.push_back(*day - *std::prev(day));
  }
  std::sort(gaps.begin(), gaps.end());
  const std::size_t middle = gaps.size() / 2;
  if (gaps.size() % 2 == 1) return static_cast<double>(gaps[middle]);
  return static_cast<double>(gaps[middle - 1] + gaps[middle]) / 2;
}

}  // namespace reposfs
