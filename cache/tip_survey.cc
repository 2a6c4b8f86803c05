#include "cache/tip_survey.h"

#include <algorithm>

#include "base/text.h"
#include "cache/languages.h"
#include "cache/license.h"

namespace reposfs {

void TipSurvey::Add(const TipEntry& entry) {
  const bool is_file = entry.mode.starts_with("100");
  paths_.insert(Printable(entry.path));
  ++all_.file_count;
  all_.size_bytes += entry.size_bytes;
  if (!is_file) return;
  if (const std::string_view language = LanguageOf(entry.path); !language.empty()) {
    Sum& sum = languages_[language];
    ++sum.file_count;
    sum.size_bytes += entry.size_bytes;
  }
  const bool in_root = entry.path.find('/') == std::string::npos;
  const int rank = in_root ? LicenseRank(entry.path) : 0;
  if (rank > license_rank_) {
    license_rank_ = rank;
    license_file_ = entry;
  }
}

TipInsights TipSurvey::Finish(bool whole, std::string_view license_text) const {
  TipInsights tip;
  tip.file_count = all_.file_count;
  tip.size_bytes = all_.size_bytes;
  tip.whole = whole;
  for (const auto& [name, sum] : languages_) {
    tip.languages.push_back(LanguageInsight{std::string(name), sum.size_bytes, sum.file_count});
  }
  std::stable_sort(tip.languages.begin(), tip.languages.end(),
                   [](const auto& a, const auto& b) { return a.size_bytes > b.size_bytes; });
  if (tip.languages.size() > kInsightLanguagesMax) tip.languages.resize(kInsightLanguagesMax);
  if (license_file_) {
    tip.license_file = Printable(license_file_->path);
    tip.license = LicenseOf(license_text);
  }
  return tip;
}

}  // namespace reposfs
