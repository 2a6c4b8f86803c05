#include "daemon/nearest_word.h"

#include <algorithm>

#include "base/text.h"

namespace reposfs {

std::size_t EditDistance(std::string_view a, std::string_view b) {
  // Three rows of the table of optimal string alignment: two back, one back, current.
  std::vector<std::size_t> older(b.size() + 1);
  std::vector<std::size_t> previous(b.size() + 1);
  std::vector<std::size_t> current(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({replace, previous[j] + 1, current[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) current[j] = std::min(current[j], older[j - 2] + 1);
    }
    std::swap(older, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

std::optional<std::string> NearestWord(std::string_view typed,
                                       const std::vector<std::string>& known) {
  // A third of the letters may be wrong, and always two: `mod` for `mode`, `qouta` for `quota`.
  const std::size_t distance_max = std::max<std::size_t>(2, typed.size() / 3);
  const std::string lower = AsciiLower(typed);
  std::optional<std::string> nearest;
  std::size_t least = distance_max + 1;
  for (const std::string& word : known) {
    const std::size_t distance = EditDistance(lower, AsciiLower(word));
    if (distance < least) {
      least = distance;
      nearest = word;
    }
  }
  return nearest;
}

std::string DidYouMean(std::string_view typed, const std::vector<std::string>& known) {
  const auto nearest = NearestWord(typed, known);
  return nearest ? "; did you mean \"" + *nearest + "\"?" : "";
}

}  // namespace reposfs
