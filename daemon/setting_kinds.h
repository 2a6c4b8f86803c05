// The kinds of settings that the tables of the configuration are made of: a duration, a word out of
// a few, a list...
//
// For the .cc files that hold tables of settings only (daemon/config_*.cc).
//
// Thread-safety: pure functions.
#pragma once

#include <algorithm>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/config_settings.h"
#include "daemon/nearest_word.h"
#include "daemon/value_parsing.h"

namespace reposfs {

// Names the place of a value within a Config, whether it is constant or not.
#define REPOSFS_PLACE(member) \
  [](auto& object) -> auto& { \
    return object.member;     \
  }

inline Error Refuse(std::string_view text, std::string_view why) {
  return Error{Errc::kInvalidArgument, "\"" + std::string(text) + "\" " + std::string(why)};
}

// A scalar setting whose place is `place(object)`; `parse` and `format` are twins.
template <typename T, typename Place, typename Parse, typename Format>
Setting<T> Scalar(std::string name, Place place, Parse parse, Format format) {
  return {std::move(name), Setting<T>::Shape::kScalar,
          [place, parse](T& object, const SettingText& text) -> Status {
            auto value = parse(std::string_view(text.front()));
            if (!value) return std::move(value).error();
            place(object) = std::move(value).value();
            return {};
          },
          [place, format](const T& object) -> SettingText { return {format(place(object))}; }};
}

template <typename T, typename Place>
Setting<T> Duration(std::string name, Place place) {
  return Scalar<T>(std::move(name), place, ParseDuration, FormatDuration);
}

template <typename T, typename Place>
Setting<T> PositiveDuration(std::string name, Place place) {
  const auto parse = [](std::string_view text) -> Result<milliseconds> {
    auto value = ParseDuration(text);
    if (value && value->count() == 0)
      return Refuse(text, "is no time to wait; write for example 10s");
    return value;
  };
  return Scalar<T>(std::move(name), place, parse, FormatDuration);
}

template <typename T, typename Place>
Setting<T> Flag(std::string name, Place place) {
  return Scalar<T>(std::move(name), place, ParseBool,
                   [](bool value) { return std::string(value ? "true" : "false"); });
}

template <typename T, typename Place>
Setting<T> Integer(std::string name, Place place, IntegerRange range) {
  const auto parse = [range](std::string_view text) -> Result<int> {
    const auto value = ParseInteger(text, range);
    if (!value) return value.error();
    return static_cast<int>(value.value());
  };
  return Scalar<T>(std::move(name), place, parse, [](int value) { return std::to_string(value); });
}

// A text that `check` accepts.
template <typename T, typename Place, typename Check>
Setting<T> Text(std::string name, Place place, Check check) {
  const auto parse = [check](std::string_view text) -> Result<std::string> {
    if (Status status = check(text); !status) return std::move(status).error();
    return std::string(text);
  };
  return Scalar<T>(std::move(name), place, parse, [](const std::string& value) { return value; });
}

// An absolute path; shown only if set.
template <typename T, typename Place>
Setting<T> Path(std::string name, Place place) {
  const auto parse = [](std::string_view text) -> Result<std::filesystem::path> {
    std::filesystem::path path(text);
    if (!path.is_absolute()) return Refuse(text, "is no absolute path; start it with /");
    return path.lexically_normal();
  };
  Setting<T> setting = Scalar<T>(std::move(name), place, parse,
                                 [](const std::filesystem::path& path) { return path.string(); });
  setting.show = [place](const T& object) -> SettingText {
    if (place(object).empty()) return {};
    return {place(object).string()};
  };
  return setting;
}

// A user or group id; shown only if set.
template <typename Place>
Setting<Config> Id(std::string name, Place place) {
  return {std::move(name), Setting<Config>::Shape::kScalar,
          [place](Config& config, const SettingText& text) -> Status {
            constexpr std::int64_t kIdMax = std::numeric_limits<std::uint32_t>::max() - 1;
            const auto id = ParseInteger(text.front(), {0, kIdMax});
            if (!id)
              return Refuse(text.front(), "is no numeric id; `id -u` and `id -g` print them");
            place(config) = static_cast<std::uint32_t>(id.value());
            return {};
          },
          [place](const Config& config) -> SettingText {
            const auto& id = place(config);
            if (!id) return {};
            return {std::to_string(*id)};
          }};
}

template <typename Place>
Setting<Config> List(std::string name, Place place) {
  return {std::move(name), Setting<Config>::Shape::kList,
          [place](Config& config, const SettingText& text) -> Status {
            for (const std::string& item : text) {
              if (item.empty()) return Refuse(item, "can't be an element of this list");
            }
            place(config) = text;
            return {};
          },
          [place](const Config& config) -> SettingText { return place(config); }};
}

// One of a few words.
template <typename V>
using Words = std::vector<std::pair<std::string, V>>;

template <typename V>
Result<V> ParseWord(std::string_view text, const Words<V>& words) {
  std::vector<std::string> names;
  std::string all;
  for (const auto& [name, value] : words) {
    if (name == text) return value;
    names.push_back(name);
    all += (all.empty() ? "" : ", ") + name;
  }
  return Refuse(text, "is none of " + all + DidYouMean(text, names));
}

template <typename V>
std::string FormatWord(V value, const Words<V>& words) {
  for (const auto& [name, candidate] : words) {
    if (candidate == value) return name;
  }
  return {};
}

template <typename V, typename Place>
Setting<Config> Word(std::string name, Place place, const Words<V>& words) {
  return Scalar<Config>(
      std::move(name), place, [words](std::string_view text) { return ParseWord(text, words); },
      [words](const V& value) { return FormatWord(value, words); });
}

}  // namespace reposfs
