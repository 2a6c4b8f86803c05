#include "cache/insights_page.h"

#include <algorithm>
#include <cstdio>

#include "cache/html_text.h"
#include "cache/insights_json.h"
#include "cache/insights_style.h"
#include "cache/svg_charts.h"

namespace reposfs {
namespace {

constexpr std::size_t kRowsShown = 12;
constexpr std::size_t kLanguagesShown = 7;  // And the others together.
constexpr std::size_t kReleasesShown = 24;
constexpr std::size_t kCommitHexShown = 12;

std::string Day(std::int64_t time_s) {
  const std::string text = TimeText(time_s);
  return text.empty() ? "an unknown day" : text.substr(0, 10);
}

std::string Counted(std::int64_t count, const char* one, const char* many) {
  return GroupedNumber(count) + " " + (count == 1 ? one : many);
}

std::string Percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, share > 0 && share < 0.0995 ? "%.1f %%" : "%.0f %%",
                share * 100);
  return text;
}

double Ratio(std::int64_t part, std::int64_t all) {
  return all <= 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

std::string Lines(std::int64_t added, std::int64_t deleted) {
  return "<span class=\"plus\">+" + GroupedNumber(added) +
         "</span> <span class=\"minus\">\xe2\x88\x92" + GroupedNumber(deleted) + "</span>";
}

// `about` is HTML.
std::string Section(const std::string& title, const std::string& about, const std::string& body,
                    const char* width = "") {
  return std::string("<section class=\"") + width + "\"><h2>" + title + "</h2>\n<p class=\"dim\">" +
         about + "</p>\n" + body + "</section>\n";
}

// `value` and `name` are HTML.
std::string Row(const std::string& name, const std::string& value, double share) {
  return "<li><div class=\"line\"><span class=\"name\">" + name + "</span><span class=\"value\">" +
         value + "</span></div>" + ShareBar(share) + "</li>\n";
}

std::string Tile(const char* name, const std::string& value, const std::string& note) {
  return std::string("<div><dt>") + name + "</dt><dd>" + value + "<small>" + note +
         "</small></dd></div>\n";
}

std::string Header(const Insights& insights) {
  const std::size_t slash = insights.key.rfind('/');
  const std::string owner = insights.key.substr(0, slash == std::string::npos ? 0 : slash + 1);
  return "<header><h1><span>" + HtmlText(owner) + "</span>" +
         IsolatedText(insights.key.substr(owner.size())) + "</h1>\n<p class=\"dim\">Commit <code>" +
         HtmlText(insights.commit.substr(0, kCommitHexShown)) + "</code> of " +
         Day(insights.committed_at_s) + ", " +
         Counted(insights.branch_count, "branch", "branches") + ", " +
         Counted(insights.tag_count, "tag", "tags") + "</p></header>\n";
}

std::string Tiles(const Insights& insights) {
  std::string tiles;
  if (const auto& history = insights.history) {
    tiles += Tile("Commits", GroupedNumber(history->commit_count),
                  Percent(Ratio(history->merge_count, history->commit_count)) + " merges");
    tiles += Tile("In the last 30 days", GroupedNumber(history->last_month_count),
                  GroupedNumber(history->last_week_count) + " in the last 7");
    tiles += Tile("Authors", GroupedNumber(history->author_count),
                  "bus factor " + GroupedNumber(history->bus_factor));
  }
  if (const auto& tip = insights.tip) {
    tiles += Tile("Files", (tip->whole ? "" : "over ") + GroupedNumber(tip->file_count),
                  ShortBytes(tip->size_bytes));
    tiles +=
        Tile("License",
             tip->license.empty() ? "\xe2\x80\x94"
                                  : "<span class=\"long\">" + HtmlText(tip->license) + "</span>",
             tip->license_file.empty() ? "no file says one" : HtmlText(tip->license_file));
  }
  tiles += Tile("On disk", ShortBytes(static_cast<std::int64_t>(insights.stored_bytes)),
                insights.history ? "with the history" : "stage " + HtmlText(insights.stage));
  return "<dl class=\"tiles\">" + tiles + "</dl>\n";
}

std::string Notice(const Insights& insights) {
  if (insights.history) return "";
  const bool to_come = insights.history_state == "not here yet";
  return std::string("<p class=\"notice\">") +
         (to_come ? "The history is not here yet; what it tells will be shown when it has come."
                  : "The history is not fetched: the configuration says <code>history: " +
                        HtmlText(insights.history_state) + "</code>.") +
         "</p>\n";
}

std::string WeekEnds(const WeekSeries& weeks) {
  constexpr std::int64_t kWeek = 7 * 86'400;
  const auto count = static_cast<std::int64_t>(weeks.commits.size());
  return "<div class=\"ends\"><span>" + Day(weeks.first_monday_s) + "</span><span>" +
         Day(weeks.first_monday_s + count / 2 * kWeek) + "</span><span>" +
         Day(weeks.first_monday_s + std::max<std::int64_t>(count - 1, 0) * kWeek) +
         "</span></div>\n";
}

std::string CommitsSection(const HistoryInsights& history) {
  const auto& counts = history.weeks.commits;
  if (counts.empty()) return "";
  const auto most = std::max_element(counts.begin(), counts.end());
  const std::string busiest =
      Counted(*most, "commit", "commits") + " in the week of " +
      Day(history.weeks.first_monday_s + (most - counts.begin()) * 7 * 86'400);
  const std::string about =
      "From " + Day(history.first_s) + " to " + Day(history.last_s) + "; busiest: " + busiest;
  return Section("Commits a week", about,
                 AreaChart({"weeks", "Commits a week", about}, counts) + WeekEnds(history.weeks),
                 "wide");
}

std::string ChurnSection(const HistoryInsights& history) {
  if (history.weeks.commits.empty()) return "";
  return Section("Lines added and deleted a week",
                 Lines(history.added, history.deleted) + " in all, drawn by their square roots",
                 MirrorChart({"churn", "Lines added and deleted a week",
                              GroupedNumber(history.added) + " lines added, " +
                                  GroupedNumber(history.deleted) + " deleted in all"},
                             history.weeks.added, history.weeks.deleted) +
                     WeekEnds(history.weeks),
                 "wide");
}

std::string AuthorsSection(const HistoryInsights& history) {
  std::string rows;
  for (std::size_t i = 0; i < std::min(history.authors.size(), kRowsShown); ++i) {
    const AuthorInsight& author = history.authors[i];
    rows += Row(IsolatedText(author.name.empty() ? author.email : author.name),
                GroupedNumber(author.commit_count) + " \xc2\xb7 " +
                    Percent(Ratio(author.commit_count, history.commit_count)),
                Ratio(author.commit_count, history.authors.front().commit_count));
  }
  return Section(
      "Authors",
      "The fewest who together wrote half of the commits: " + GroupedNumber(history.bus_factor) +
          " of " + GroupedNumber(history.author_count),
      "<ol class=\"rows\">" + rows + "</ol>");
}

std::string LanguagesSection(const TipInsights& tip) {
  std::int64_t all = 0;
  for (const LanguageInsight& language : tip.languages) all += language.size_bytes;
  if (all == 0) return "";
  std::vector<LanguageInsight> shown(
      tip.languages.begin(), tip.languages.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                         tip.languages.size(), kLanguagesShown)));
  std::int64_t rest = all;
  for (const LanguageInsight& language : shown) rest -= language.size_bytes;
  if (rest > 0) shown.push_back(LanguageInsight{"Others", rest, 0});
  std::vector<double> shares;
  std::string key;
  std::string described;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    shares.push_back(Ratio(shown[i].size_bytes, all));
    const std::string name = HtmlText(shown[i].name);
    key += "<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"p" +
           std::to_string(i) + "\" width=\"10\" height=\"10\" rx=\"3\"/></svg><b>" + name +
           "</b><span class=\"dim\">" + Percent(shares.back()) + "</span></li>\n";
    described += (i > 0 ? ", " : "") + shown[i].name + " " + Percent(shares.back());
  }
  return Section("Languages", "By bytes of the files in this commit",
                 StackedBar({"languages", "Languages", described}, shares) + "<ul class=\"key\">" +
                     key + "</ul>");
}

std::string FilesSection(const HistoryInsights& history) {
  std::string rows;
  for (std::size_t i = 0; i < std::min(history.files.size(), kRowsShown); ++i) {
    const FileInsight& file = history.files[i];
    const std::string name = "<code" + std::string(file.in_tip ? "" : " class=\"gone\"") + ">" +
                             IsolatedText(file.path) + "</code>";
    rows +=
        Row(name, GroupedNumber(file.commit_count) + " \xc2\xb7 " + Lines(file.added, file.deleted),
            Ratio(file.commit_count, history.files.front().commit_count));
  }
  if (rows.empty()) return "";
  return Section("Files changed most",
                 "Commits that changed each, of " + Counted(history.file_count, "file", "files") +
                     "; struck out: not in this commit",
                 "<ol class=\"rows\">" + rows + "</ol>");
}

std::string PairsSection(const HistoryInsights& history) {
  std::string rows;
  for (std::size_t i = 0; i < std::min(history.pairs.size(), kRowsShown); ++i) {
    const PairInsight& pair = history.pairs[i];
    rows +=
        Row("<code>" + IsolatedText(pair.first) + "</code> <span class=\"dim\">and</span> <code>" +
                IsolatedText(pair.second) + "</code>",
            GroupedNumber(pair.commit_count),
            Ratio(pair.commit_count, history.pairs.front().commit_count));
  }
  if (rows.empty()) return "";
  return Section("Files changed together",
                 "By commits of at most " + std::to_string(kTogetherFilesMax) + " files",
                 "<ol class=\"rows\">" + rows + "</ol>");
}

std::string HoursSection(const HistoryInsights& history) {
  static constexpr const char* kDays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  std::string days;
  std::size_t busiest_day = 0;
  std::size_t busiest_hour = 0;
  for (std::size_t day = 0; day < 7; ++day) {
    days += std::string("<li>") + kDays[day] + "</li>";
    for (std::size_t hour = 0; hour < 24; ++hour) {
      if (history.activity[day][hour] <= history.activity[busiest_day][busiest_hour]) continue;
      busiest_day = day;
      busiest_hour = hour;
    }
  }
  const std::string about = std::string("By the authors' own clocks; busiest: ") +
                            kDays[busiest_day] + " " + std::to_string(busiest_hour) + ":00";
  return Section("Weekday and hour", about,
                 "<div class=\"week\"><ul>" + days + "</ul>" +
                     HourChart({"hours", "Commits by weekday and hour", about}, history.activity) +
                     "<span></span><div class=\"ends\"><span>0:00</span><span>12:00</span>"
                     "<span>24:00</span></div></div>");
}

std::string ReleasesSection(const HistoryInsights& history) {
  if (history.releases.empty()) return "";
  std::string tags;
  std::size_t count = 0;
  for (const Release& release : history.releases) {
    if (release.is_prerelease) continue;
    if (count++ == kReleasesShown) break;
    tags += "<li>" + IsolatedText(release.tag) + " <span class=\"dim\">" +
            Day(release.committed_at_s) + "</span></li>\n";
  }
  std::string about = Counted(history.release_count, "tag", "tags") + " with a number";
  if (history.cadence_days) {
    char days[32];
    std::snprintf(days, sizeof days, "%g", *history.cadence_days);
    about += "; every " + std::string(days) + " days at the median, without prereleases";
  }
  return Section("Releases", about, "<ul class=\"tags\">" + tags + "</ul>");
}

}  // namespace

std::string InsightsPage(const Insights& insights) {
  std::string sections;
  if (insights.history) sections += CommitsSection(*insights.history);
  if (insights.history) sections += AuthorsSection(*insights.history);
  if (insights.history) sections += FilesSection(*insights.history);
  if (insights.tip) sections += LanguagesSection(*insights.tip);
  if (insights.history) {
    sections += HoursSection(*insights.history) + ChurnSection(*insights.history) +
                PairsSection(*insights.history) + ReleasesSection(*insights.history);
  }
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
         "'unsafe-inline'\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>" +
         HtmlText(insights.key) + "</title>\n<style>" + kInsightsStyle +
         "</style>\n</head>\n<body>\n<main>\n" + Header(insights) + Notice(insights) +
         Tiles(insights) + "<div class=\"grid2\">\n" + sections + "</div>\n<footer>Computed " +
         ToIso8601(insights.computed_at) + " from commit <code>" + HtmlText(insights.commit) +
         "</code>. The same as data: <code>.insights.json</code></footer>\n</main>\n</body>\n"
         "</html>\n";
}

}  // namespace reposfs
