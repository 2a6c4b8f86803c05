#include "cache/insights_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace reposfs {
namespace {

using Json = nlohmann::ordered_json;

Json TimeOrNull(std::int64_t time_s) {
  const std::string text = TimeText(time_s);
  return text.empty() ? Json(nullptr) : Json(text);
}

Json TextOrNull(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

double Share(std::int64_t part, std::int64_t all) {
  if (all == 0) return 0;
  return std::round(static_cast<double>(part) * 10'000 / static_cast<double>(all)) / 10'000;
}

Json CommitsJson(const HistoryInsights* history, std::int64_t committed_at_s) {
  if (history == nullptr) return {{"total", nullptr}, {"last", TimeOrNull(committed_at_s)}};
  return {{"total", history->commit_count},
          {"lastWeek", history->last_week_count},
          {"lastMonth", history->last_month_count},
          {"first", TimeOrNull(history->first_s)},
          {"last", TimeOrNull(history->last_s)},
          {"merges", history->merge_count},
          {"mergeShare", Share(history->merge_count, history->commit_count)},
          {"perWeek",
           {{"firstMonday", TimeText(history->weeks.first_monday_s).substr(0, 10)},
            {"counts", history->weeks.commits},
            {"outside", history->outside_weeks_count}}}};
}

Json AuthorsJson(const HistoryInsights& history) {
  Json authors = Json::array();
  for (const AuthorInsight& author : history.authors) {
    authors.push_back({{"name", author.name},
                       {"email", author.email},
                       {"commits", author.commit_count},
                       {"added", author.added},
                       {"deleted", author.deleted},
                       {"first", TimeOrNull(author.first_s)},
                       {"last", TimeOrNull(author.last_s)}});
  }
  return authors;
}

Json FilesJson(const HistoryInsights& history) {
  Json most = Json::array();
  for (const FileInsight& file : history.files) {
    most.push_back({{"path", file.path},
                    {"commits", file.commit_count},
                    {"added", file.added},
                    {"deleted", file.deleted},
                    {"inTip", file.in_tip}});
  }
  Json together = Json::array();
  for (const PairInsight& pair : history.pairs) {
    together.push_back({{"paths", {pair.first, pair.second}}, {"commits", pair.commit_count}});
  }
  return {{"everChanged", history.file_count},
          {"changedMost", std::move(most)},
          {"changedTogether", std::move(together)},
          {"togetherFilesMax", kTogetherFilesMax},
          {"togetherAmongMax", kTogetherAmongMax}};
}

Json ReleasesJson(const HistoryInsights& history) {
  Json list = Json::array();
  for (const Release& release : history.releases) {
    list.push_back({{"tag", release.tag},
                    {"commit", release.commit},
                    {"date", TimeOrNull(release.committed_at_s)},
                    {"prerelease", release.is_prerelease}});
  }
  return {{"total", history.release_count},
          {"cadenceDays", history.cadence_days ? Json(*history.cadence_days) : Json(nullptr)},
          {"list", std::move(list)}};
}

void AddHistory(Json& json, const HistoryInsights& history) {
  json["authors"] = AuthorsJson(history);
  json["authorCount"] = history.author_count;
  json["busFactor"] = history.bus_factor;
  json["churn"] = {{"added", history.added},
                   {"deleted", history.deleted},
                   {"perWeek",
                    {{"firstMonday", TimeText(history.weeks.first_monday_s).substr(0, 10)},
                     {"added", history.weeks.added},
                     {"deleted", history.weeks.deleted}}}};
  json["files"] = FilesJson(history);
  json["releases"] = ReleasesJson(history);
  json["activity"] = history.activity;
}

void AddTip(Json& json, const TipInsights& tip) {
  std::int64_t all = 0;
  for (const LanguageInsight& language : tip.languages) all += language.size_bytes;
  Json languages = Json::array();
  for (const LanguageInsight& language : tip.languages) {
    languages.push_back({{"name", language.name},
                         {"bytes", language.size_bytes},
                         {"files", language.file_count},
                         {"share", Share(language.size_bytes, all)}});
  }
  json["languages"] = std::move(languages);
  json["license"] = tip.license_file.empty()
                        ? Json(nullptr)
                        : Json{{"spdx", TextOrNull(tip.license)}, {"file", tip.license_file}};
}

}  // namespace

std::string TimeText(std::int64_t time_s) {
  constexpr std::int64_t kYear1 = -62'135'596'800;
  constexpr std::int64_t kEndOfYear9999 = 253'402'300'799;
  if (time_s < kYear1 || time_s > kEndOfYear9999) return "";
  return ToIso8601(WallTime(std::chrono::seconds(time_s)));
}

std::string InsightsJson(const Insights& insights) {
  const HistoryInsights* history = insights.history ? &*insights.history : nullptr;
  Json json = {{"schema", kInsightsJsonSchema},
               {"key", insights.key},
               {"commit", insights.commit},
               {"stage", insights.stage},
               {"computedAt", ToIso8601(insights.computed_at)},
               {"history", insights.history_state},
               {"commits", CommitsJson(history, insights.committed_at_s)},
               {"authors", Json::array()}};
  if (history != nullptr) AddHistory(json, *history);
  if (insights.tip) AddTip(json, *insights.tip);
  json["refs"] = {{"branches", insights.branch_count}, {"tags", insights.tag_count}};
  json["size"] = {{"tipFiles", insights.tip ? Json(insights.tip->file_count) : Json(nullptr)},
                  {"tipBytes", insights.tip ? Json(insights.tip->size_bytes) : Json(nullptr)},
                  {"tipWhole", !insights.tip || insights.tip->whole},
                  {"storedBytes", insights.stored_bytes}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace reposfs
