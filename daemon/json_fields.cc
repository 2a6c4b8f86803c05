#include "daemon/json_fields.h"

#include "daemon/human_text.h"

namespace reposfs {
namespace {

using nlohmann::json;

const json& Field(const json& object, const char* name) {
  static const json null;
  if (!object.is_object()) return null;
  const auto found = object.find(name);
  return found == object.end() ? null : *found;
}

}  // namespace

std::string TextField(const json& object, const char* name) {
  const json& field = Field(object, name);
  return field.is_string() ? field.get<std::string>() : "";
}

std::uint64_t NumberField(const json& object, const char* name) {
  const json& field = Field(object, name);
  if (field.is_number_unsigned()) return field.get<std::uint64_t>();
  // A number with a fraction, or one that another JSON library wrote as signed.
  const double value = field.is_number() ? field.get<double>() : 0;
  return value > 0 && value < 1e18 ? static_cast<std::uint64_t>(value) : 0;
}

bool FlagField(const json& object, const char* name) {
  const json& field = Field(object, name);
  return field.is_boolean() && field.get<bool>();
}

const json& ArrayField(const json& object, const char* name) {
  static const json empty = json::array();
  const json& field = Field(object, name);
  return field.is_array() ? field : empty;
}

std::string AgeField(const json& object, const char* name, WallTime now) {
  const auto time = ParseIso8601(TextField(object, name));
  return time ? HumanAge(*time, now) : "never";
}

}  // namespace reposfs
