#include "cache/week_counter.h"

#include <algorithm>

namespace reposfs {
namespace {

constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kWeek = 7 * kDay;
constexpr std::int64_t kFromMonday = 3 * kDay;  // 1970 began on a Thursday.
constexpr std::int64_t kWeekCount = 12'000;     // Until the year 2199.
constexpr std::int64_t kEnd = kWeekCount * kWeek - kFromMonday;
constexpr std::size_t kGapMax = 5 * 52;

}  // namespace

WeekCounter::WeekCounter() : weeks_(kWeekCount) {}

void WeekCounter::Add(std::int64_t time_s, std::int64_t added, std::int64_t deleted) {
  if (time_s < 0 || time_s >= kEnd) return;
  const auto index = static_cast<std::size_t>((time_s + kFromMonday) / kWeek);
  ++weeks_[index].commits;
  weeks_[index].added += added;
  weeks_[index].deleted += deleted;
}

std::size_t WeekCounter::FirstWeek(std::size_t end) const {
  std::int64_t total = 0;
  for (std::size_t i = 0; i < end; ++i) total += weeks_[i].commits;
  std::size_t first = end;
  std::size_t last = 0;
  std::int64_t before = 0;  // Commits in [first, i).
  for (std::size_t i = 0; i < end; ++i) {
    if (weeks_[i].commits == 0) continue;
    const bool misdated = first != end && i - last > kGapMax && before * 100 < total;
    if (first == end || misdated) first = i;
    last = i;
    before += weeks_[i].commits;
  }
  return first;
}

WeekSeries WeekCounter::Series(std::int64_t now_s) const {
  WeekSeries series;
  const auto now_week =
      static_cast<std::size_t>((std::max<std::int64_t>(now_s, 0) + kFromMonday) / kWeek);
  std::size_t end = std::min(now_week + 1, weeks_.size());
  while (end > 0 && weeks_[end - 1].commits == 0) --end;
  std::size_t begin = FirstWeek(end);
  if (end - begin > kWeeksMax) begin = end - kWeeksMax;
  series.first_monday_s = static_cast<std::int64_t>(begin) * kWeek - kFromMonday;
  for (std::size_t i = begin; i < end; ++i) {
    series.commits.push_back(weeks_[i].commits);
    series.added.push_back(weeks_[i].added);
    series.deleted.push_back(weeks_[i].deleted);
  }
  return series;
}

}  // namespace reposfs
