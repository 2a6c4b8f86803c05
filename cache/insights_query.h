// Asks `insights.db` in SQL, on behalf of a person who may only read.
//
// The file is opened read-only, by a connection of its own; statements may only select.  A question
// of one repository sees only its rows: temporary views of the same names hide those of the others.
//
// Thread-safety: the functions may be called from any thread, while others write.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "cache/insights_store.h"

namespace reposfs {

struct QueryLimits {
  std::chrono::milliseconds timeout = std::chrono::seconds(60);
  std::size_t row_count_max = 1'000'000;
  std::size_t size_max_bytes = 512u << 20;
};

struct QueryCell {
  enum class Type { kNull, kInteger, kReal, kText };
  Type type = Type::kNull;
  std::string text;  // Any bytes; of a number its digits.
};

struct QueryAnswer {
  std::vector<std::string> columns;
  std::vector<std::vector<QueryCell>> rows;
};

// Errors: kNotFound if there is no such database or repository; kInvalidArgument with SQLite's
// words for `sql` that can't be run, or may not; kTimedOut; kNoSpace if the answer is too large;
// kIo.

// The answer to the one statement `sql` about the repository `key`, or about all if it is empty.
Result<QueryAnswer> QueryInsights(const std::filesystem::path& cache_directory,
                                  const std::string& key, const std::string& sql,
                                  const QueryLimits& limits = {});

// The document of the default branch of `key`, or the newest one there is.
Result<InsightsDocument> ReadInsights(const std::filesystem::path& cache_directory,
                                      const std::string& key);

}  // namespace reposfs
