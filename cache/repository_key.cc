#include "cache/repository_key.h"

#include "base/text.h"

namespace reposfs {
namespace {

constexpr std::size_t kNameSizeMax = 255;

bool IsPlausible(std::string_view part) {
  if (part.empty() || part.size() > kNameSizeMax) return false;
  if (part == "." || part == ".." || part[0] == '-') return false;
  if (part.find_first_of(" /\\:*?\"<>|#%&^[]{}$`'!;@") != std::string_view::npos) return false;
  return Printable(part) == part;
}

}  // namespace

bool IsPlausibleOwner(std::string_view owner) {
  return IsPlausible(owner) && owner[0] != '.';
}

bool IsPlausibleName(std::string_view name) {
  return IsPlausible(name);
}

Result<RepositoryKey> ParseRepositoryKey(std::string_view text) {
  const auto parts = Split(text, '/');
  const bool plausible = parts.size() == 3 && IsPlausibleOwner(parts[0]) &&
                         IsPlausibleOwner(parts[1]) && IsPlausibleName(parts[2]);
  if (!plausible) {
    return Error{Errc::kInvalidArgument,
                 "\"" + Printable(text) + "\" is not a repository; write HOST/OWNER/NAME"};
  }
  return RepositoryKey{std::string(parts[0]), std::string(parts[1]), std::string(parts[2])};
}

}  // namespace reposfs
