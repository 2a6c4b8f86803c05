#include "fs/extended_attributes.h"

namespace reposfs {

bool IsOurAttribute(std::string_view name) {
  return name.starts_with("user.reposfs.");
}

std::optional<std::string> ExtendedAttribute(Node& node, std::string_view name) {
  for (auto& [known, value] : node.ExtendedAttributes()) {
    if (known == name) return std::move(value);
  }
  return std::nullopt;
}

std::string ExtendedAttributeNames(Node& node) {
  std::string names;
  for (const auto& [name, value] : node.ExtendedAttributes()) names += name + '\0';
  return names;
}

}  // namespace reposfs
