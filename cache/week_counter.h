// Counts by weeks, whatever dates the commits have.
//
// Thread-safety: none.
#pragma once

#include <cstdint>
#include <vector>

#include "cache/insights.h"

namespace reposfs {

class WeekCounter {
 public:
  WeekCounter();

  void Add(std::int64_t time_s, std::int64_t added, std::int64_t deleted);

  // The weeks from the first commit to the last, but not those after the week of `now_s`, nor years
  // of nothing between a few misdated commits and the rest; at most kWeeksMax.
  static constexpr std::size_t kWeeksMax = 1'500;
  WeekSeries Series(std::int64_t now_s) const;

 private:
  struct Week {
    std::int64_t commits = 0;
    std::int64_t added = 0;
    std::int64_t deleted = 0;
  };

  std::size_t FirstWeek(std::size_t end) const;

  std::vector<Week> weeks_;  // From the one that 1970 began in.
};

}  // namespace reposfs
