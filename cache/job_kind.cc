#include "cache/job_kind.h"

#include "base/text.h"

namespace reposfs {

std::string JobKindNames(std::span<const JobKind> kinds, std::string_view separator) {
  std::string names;
  for (const JobKind kind : kinds) {
    if (!names.empty()) names += separator;
    names += JobKindName(kind);
  }
  return names;
}

Result<JobKind> ParseJobKind(std::string_view name) {
  for (const JobKind kind : kAllJobKinds) {
    if (JobKindName(kind) == name) return kind;
  }
  return Error{Errc::kInvalidArgument, "\"" + Printable(name) + "\" is no kind of job; there are " +
                                           JobKindNames(kAllJobKinds)};
}

}  // namespace reposfs
