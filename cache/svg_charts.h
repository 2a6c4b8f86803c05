// The shapes of charts, as inline SVG.
//
// A chart is only shapes, stretched to the width of the page; its words stand beside it as HTML, so
// that they are as large on a phone as on a screen.  Colours come from classes that the page gives.
// Each has a title and a description for those who do not see it.
//
// Thread-safety: pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace reposfs {

// For who does not see the chart; both are escaped here.
struct ChartWords {
  std::string id;  // Unique in the page.
  std::string title;
  std::string description;
};

// One column for each number, joined to a surface.
std::string AreaChart(const ChartWords& words, const std::vector<std::int64_t>& values);

// `up` above a line in the middle, `down` below it, on one scale.
std::string MirrorChart(const ChartWords& words, const std::vector<std::int64_t>& up,
                        const std::vector<std::int64_t>& down);

// One bar that is `share` (0..1) full; says nothing by itself.
std::string ShareBar(double share);

// One bar of several parts; part i has the class "p<i>".
std::string StackedBar(const ChartWords& words, const std::vector<double>& shares);

// Seven rows of 24 squares: the more, the stronger.
std::string HourChart(const ChartWords& words,
                      const std::array<std::array<std::int64_t, 24>, 7>& counts);

}  // namespace reposfs
