// Everything that the insights say about one commit of a repository, as plain values.
//
// cache/insights_maker.h fills them in; cache/insights_json.h and cache/insights_page.h show them.
// Names and paths in here are printable: no control characters, and UTF-8 (Printable()).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace reposfs {

// Counted up when a field changes its meaning or goes; deploy/insights.schema.json describes it.
inline constexpr int kInsightsJsonSchema = 1;

struct AuthorInsight {
  std::string name;  // As the .mailmap says.
  std::string email;
  std::int64_t commit_count = 0;
  std::int64_t added = 0;
  std::int64_t deleted = 0;
  std::int64_t first_s = 0;  // When he wrote, by his own clock.
  std::int64_t last_s = 0;
};

struct FileInsight {
  std::string path;
  std::int64_t commit_count = 0;
  std::int64_t added = 0;
  std::int64_t deleted = 0;
  bool in_tip = false;
};

struct PairInsight {
  std::string first;
  std::string second;
  std::int64_t commit_count = 0;
};

struct Release {
  std::string tag;
  std::string commit;
  std::int64_t committed_at_s = 0;
  bool is_prerelease = false;
};

// Numbers of consecutive weeks, from Monday to Sunday in UTC.
struct WeekSeries {
  std::int64_t first_monday_s = 0;
  std::vector<std::int64_t> commits;
  std::vector<std::int64_t> added;
  std::vector<std::int64_t> deleted;
};

// From the commits that the shown one leads to.
struct HistoryInsights {
  std::int64_t commit_count = 0;
  std::int64_t last_week_count = 0;   // Committed in the 7 days before it was computed.
  std::int64_t last_month_count = 0;  // In 30 days.
  std::int64_t merge_count = 0;
  std::int64_t first_s = 0;  // When committed.
  std::int64_t last_s = 0;
  std::int64_t added = 0;
  std::int64_t deleted = 0;
  WeekSeries weeks;
  std::int64_t outside_weeks_count = 0;  // With dates that no project can have.

  std::int64_t author_count = 0;
  std::vector<AuthorInsight> authors;  // Most commits first; the first thousand.
  std::int64_t bus_factor = 0;

  std::int64_t file_count = 0;     // Ever changed.
  std::vector<FileInsight> files;  // Changed most, first.
  std::vector<PairInsight> pairs;  // Changed together most, first.

  std::int64_t release_count = 0;
  std::vector<Release> releases;  // The latest first.
  std::optional<double> cadence_days;

  // By the author's own clock; Monday is 0.
  std::array<std::array<std::int64_t, 24>, 7> activity{};
};

struct LanguageInsight {
  std::string name;
  std::int64_t size_bytes = 0;
  std::int64_t file_count = 0;
};

// From the files of the commit.
struct TipInsights {
  std::int64_t file_count = 0;
  std::int64_t size_bytes = 0;
  bool whole = true;                       // False: there are more files than were counted.
  std::vector<LanguageInsight> languages;  // Most bytes first.
  std::string license;                     // As SPDX names it; empty if none is known.
  std::string license_file;                // Empty if there is none.
};

struct Insights {
  std::string key;
  std::string commit;
  std::string stage;
  WallTime computed_at{};
  std::int64_t committed_at_s = 0;
  std::int64_t branch_count = 0;
  std::int64_t tag_count = 0;
  std::uint64_t stored_bytes = 0;  // What the repository takes on the disk.
  // "complete", "not here yet", or why it does not come: "lazy" or "none".
  std::string history_state = "not here yet";
  std::optional<HistoryInsights> history;
  std::optional<TipInsights> tip;
};

// The bounds of what is said, which the JSON tells.
inline constexpr std::size_t kInsightAuthorsMax = 1'000;
inline constexpr std::size_t kInsightFilesMax = 50;
inline constexpr std::size_t kInsightPairsMax = 30;
inline constexpr std::size_t kInsightReleasesMax = 100;
inline constexpr std::size_t kInsightLanguagesMax = 50;
// Commits that change more files say nothing about which belong together.
inline constexpr std::size_t kTogetherFilesMax = 30;
// Pairs are looked for among so many files that are changed most.
inline constexpr std::size_t kTogetherAmongMax = 1'000;

}  // namespace reposfs
