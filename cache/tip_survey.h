// What the files of a commit tell: how many there are, in which languages, under which license.
//
// Thread-safety: none; a survey belongs to one thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_set>

#include "cache/history_reader.h"
#include "cache/insights.h"

namespace reposfs {

class TipSurvey {
 public:
  void Add(const TipEntry& entry);

  // The file of the root that holds the license, most likely; nothing if there is none.
  const std::optional<TipEntry>& license_file() const { return license_file_; }

  // Whether the commit has a file at `path`, as Printable() writes it.
  bool Has(const std::string& path) const { return paths_.contains(path); }

  // `license_text` is the content of license_file().
  TipInsights Finish(bool whole, std::string_view license_text) const;

 private:
  struct Sum {
    std::int64_t size_bytes = 0;
    std::int64_t file_count = 0;
  };

  std::map<std::string_view, Sum> languages_;
  std::unordered_set<std::string> paths_;
  Sum all_;
  std::optional<TipEntry> license_file_;
  int license_rank_ = 0;
};

}  // namespace reposfs
