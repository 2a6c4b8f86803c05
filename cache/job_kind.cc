#include "cache/job_kind.h"

#include <string>

#include "base/text.h"

namespace reposfs {

Result<JobKind> ParseJobKind(std::string_view name) {
  std::string names;
  for (const JobKind kind : kAllJobKinds) {
    if (JobKindName(kind) == name) return kind;
    names += (names.empty() ? "" : ", ") + std::string(JobKindName(kind));
  }
  return Error{Errc::kInvalidArgument,
               "\"" + Printable(name) + "\" is no kind of job; there are " + names};
}

}  // namespace reposfs
