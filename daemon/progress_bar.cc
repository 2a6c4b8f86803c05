#include "daemon/progress_bar.h"

#include <algorithm>

#include "base/text.h"
#include "daemon/human_text.h"
#include "daemon/terminal.h"

namespace reposfs {
namespace {

std::string PercentText(const WarmProgress& progress) {
  const auto percent = progress.percent();
  return percent ? std::to_string(*percent) + "%" : "";
}

std::string PadLeft(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

std::string PadRight(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, text.size()), ' ');
}

std::string Bar(const WarmProgress& progress, std::size_t width) {
  const auto percent = static_cast<std::size_t>(progress.percent().value_or(0));
  const std::size_t done = width * percent / 100;
  return "[" + std::string(done, '#') + std::string(width - done, '.') + "]";
}

// The last `column_count` columns of `text`, with a mark where it was cut.
std::string CutAtLeft(const std::string& text, std::size_t column_count) {
  if (ColumnCount(text) <= column_count) return text;
  if (column_count < 2) return "";
  std::size_t begin = text.size();
  for (std::size_t columns = 0; columns + 1 < column_count; ++columns) {
    do {
      --begin;
    } while ((static_cast<unsigned>(text[begin]) & 0xc0u) == 0x80u);
  }
  return "~" + text.substr(begin);
}

}  // namespace

std::optional<int> WarmProgress::percent() const {
  if (objects_total == 0) return std::nullopt;
  return static_cast<int>(std::min(objects, objects_total) * 100 / objects_total);
}

std::string RenderProgressBar(const WarmProgress& progress, std::size_t column_count) {
  constexpr std::size_t kBarWidthMax = 30;
  constexpr std::size_t kBarWidthMin = 5;
  constexpr std::size_t kBrackets = 2;
  const std::string key = Printable(progress.key);
  // Fixed widths, so that nothing jumps while numbers grow.
  const std::string before = "  " + PadRight(Printable(progress.activity), 8) + "  ";
  const std::string after = "  " + PadLeft(PercentText(progress), 4) + "  " +
                            PadLeft(HumanBytes(progress.received_bytes), 9) + "  " +
                            PadLeft(HumanBytes(progress.bytes_per_second) + "/s", 11);
  const std::size_t fixed = ColumnCount(before) + after.size() + kBrackets;
  const std::size_t needed = fixed + ColumnCount(key);
  const std::size_t room = column_count > needed ? column_count - needed : 0;
  const std::size_t bar_width = std::clamp(room, kBarWidthMin, kBarWidthMax);
  const std::size_t key_room =
      column_count > fixed + bar_width ? column_count - fixed - bar_width : 0;
  const std::string line = CutAtLeft(key, key_room) + before + Bar(progress, bar_width) + after;
  // A terminal narrower than the numbers gets just the right end.
  return CutAtLeft(line, column_count);
}

std::string RenderProgressLine(const WarmProgress& progress) {
  const std::string percent = PercentText(progress);
  return Printable(progress.key) + ": " + Printable(progress.activity) +
         (percent.empty() ? "" : " " + percent) + ", " + HumanBytes(progress.received_bytes) +
         ", " + HumanBytes(progress.bytes_per_second) + "/s";
}

}  // namespace reposfs
