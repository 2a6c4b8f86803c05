#include "cache/svg_charts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "cache/html_text.h"

namespace reposfs {
namespace {

constexpr double kWidth = 1'000;
constexpr double kHeight = 200;
// More columns than this are finer than a screen.
constexpr std::size_t kColumnsMax = 260;

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  std::string shortest = text;
  if (shortest.ends_with(".0")) shortest.resize(shortest.size() - 2);
  return shortest;
}

std::string Begin(const ChartWords& words, const std::string& shape, double width, double height) {
  return "<svg class=\"" + shape + "\" viewBox=\"0 0 " + Number(width) + " " + Number(height) +
         "\" preserveAspectRatio=\"none\" role=\"img\" aria-labelledby=\"" + words.id + "-t " +
         words.id + "-d\"><title id=\"" + words.id + "-t\">" + HtmlText(words.title) +
         "</title><desc id=\"" + words.id + "-d\">" + HtmlText(words.description) + "</desc>";
}

// Means over as many neighbours as it takes for at most kColumnsMax columns.
std::vector<double> Columns(const std::vector<std::int64_t>& values) {
  const std::size_t group = (values.size() + kColumnsMax - 1) / kColumnsMax;
  std::vector<double> columns;
  for (std::size_t begin = 0; begin < values.size(); begin += group) {
    const std::size_t end = std::min(begin + group, values.size());
    double sum = 0;
    for (std::size_t i = begin; i < end; ++i) sum += static_cast<double>(values[i]);
    columns.push_back(sum / static_cast<double>(end - begin));
  }
  return columns;
}

double Largest(const std::vector<double>& columns) {
  double largest = 1;
  for (const double value : columns) largest = std::max(largest, value);
  return largest;
}

// A stepped outline on the line `base`, `height` high at the largest value.
std::string Steps(const std::vector<double>& columns, double largest, double base, double height) {
  std::string path = "M0 " + Number(base);
  const double step = kWidth / static_cast<double>(std::max<std::size_t>(columns.size(), 1));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    path += "V" + Number(base - columns[i] / largest * height) + "H" +
            Number(static_cast<double>(i + 1) * step);
  }
  return path + "V" + Number(base) + "Z";
}

std::string GridLines() {
  std::string lines;
  for (const double y : {kHeight * 0.25, kHeight * 0.5, kHeight * 0.75}) {
    lines += "<line class=\"grid\" x1=\"0\" x2=\"1000\" y1=\"" + Number(y) + "\" y2=\"" +
             Number(y) + "\"/>";
  }
  return lines;
}

}  // namespace

std::string AreaChart(const ChartWords& words, const std::vector<std::int64_t>& values) {
  const std::vector<double> columns = Columns(values);
  return Begin(words, "area", kWidth, kHeight) + GridLines() + "<path class=\"p0\" d=\"" +
         Steps(columns, Largest(columns), kHeight, kHeight) + "\"/></svg>";
}

std::string MirrorChart(const ChartWords& words, const std::vector<std::int64_t>& up,
                        const std::vector<std::int64_t>& down) {
  // Imports of whole trees dwarf everything else: roots keep the rest visible.
  auto above = Columns(up);
  auto below = Columns(down);
  for (auto* columns : {&above, &below}) {
    for (double& value : *columns) value = std::sqrt(value);
  }
  const double largest = std::max(Largest(above), Largest(below));
  constexpr double kMiddle = kHeight / 2;
  return Begin(words, "area", kWidth, kHeight) + "<path class=\"up\" d=\"" +
         Steps(above, largest, kMiddle, kMiddle) + "\"/><path class=\"down\" d=\"" +
         Steps(below, largest, kMiddle, -kMiddle) +
         "\"/><line class=\"axis\" x1=\"0\" x2=\"1000\" y1=\"100\" y2=\"100\"/></svg>";
}

std::string ShareBar(double share) {
  const double width = std::clamp(share, 0.0, 1.0) * kWidth;
  return "<svg class=\"bar\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" "
         "aria-hidden=\"true\"><rect class=\"track\" width=\"1000\" height=\"10\"/>"
         "<rect class=\"p0\" width=\"" +
         Number(width) + "\" height=\"10\"/></svg>";
}

std::string StackedBar(const ChartWords& words, const std::vector<double>& shares) {
  std::string svg = Begin(words, "stack", kWidth, 10);
  double at = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const double width = shares[i] * kWidth;
    svg += "<rect class=\"p" + std::to_string(i) + "\" x=\"" + Number(at) + "\" width=\"" +
           Number(std::max(width - 2, 0.5)) + "\" height=\"10\"/>";
    at += width;
  }
  return svg + "</svg>";
}

std::string HourChart(const ChartWords& words,
                      const std::array<std::array<std::int64_t, 24>, 7>& counts) {
  constexpr int kCell = 10;
  std::int64_t largest = 1;
  for (const auto& row : counts)
    largest = std::max(largest, *std::max_element(row.begin(), row.end()));
  std::string svg = Begin(words, "hours", 24 * kCell, 7 * kCell);
  for (std::size_t day = 0; day < counts.size(); ++day) {
    for (std::size_t hour = 0; hour < counts[day].size(); ++hour) {
      const double strength = static_cast<double>(counts[day][hour]) / static_cast<double>(largest);
      char opacity[16];
      std::snprintf(opacity, sizeof opacity, "%.2f", strength <= 0 ? 0 : 0.12 + 0.88 * strength);
      svg += "<rect class=\"track\" x=\"" + std::to_string(hour * kCell) + "\" y=\"" +
             std::to_string(day * kCell) + "\" width=\"9\" height=\"9\" rx=\"1.5\"/>";
      if (strength <= 0) continue;
      svg += "<rect class=\"p0\" x=\"" + std::to_string(hour * kCell) + "\" y=\"" +
             std::to_string(day * kCell) + "\" width=\"9\" height=\"9\" rx=\"1.5\" opacity=\"" +
             opacity + "\"/>";
    }
  }
  return svg + "</svg>";
}

}  // namespace reposfs
