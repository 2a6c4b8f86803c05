// The table of everything that can be configured by one key and one value, or list of values.
//
// The YAML file, the environment and `config show` all walk this table, so that a key exists in all
// three or in none.  What is no plain value (hosts, history, ring.nodes) has tables or functions
// of its own below and in config_ring.h.
//
// Thread-safety: the tables are constant; the functions in them are pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "daemon/config.h"

namespace reposfs {

// The text of a value: one element for a scalar, any number for a list.
using SettingText = std::vector<std::string>;

// One key of a `T`.
template <typename T>
struct Setting {
  enum class Shape { kScalar, kList };

  std::string name;  // "cache.quota"
  Shape shape;
  // Parses `text` into its place.  REQUIRES: exactly one element if shape is kScalar.
  // Errors: kInvalidArgument.
  std::function<Status(T&, const SettingText& text)> assign;
  // What assign() would read back; empty for a scalar that is not set.
  std::function<SettingText(const T&)> show;
};

// In the order in which `config show` prints them; keys of one section are neighbours.
const std::vector<Setting<Config>>& ConfigSettings();

// The keys below hosts.<name>.
const std::vector<Setting<HostOptions>>& HostSettings();

// `history: <word>`.  Errors: kInvalidArgument.
Result<HistoryPolicy> ParseHistoryPolicy(std::string_view word);
std::string FormatHistoryPolicy(HistoryPolicy policy);

// Every key that may stand in a file, sections included, for suggestions.
std::vector<std::string> AllConfigKeys();

// `; did you mean "cache.quota"?` for `cache.qouta` and for a `quota` without its section.
std::string DidYouMeanKey(std::string_view typed, const std::vector<std::string>& known);

}  // namespace reposfs
