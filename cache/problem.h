// Something that is wrong now, and what a person can do about it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cache/job_queue.h"
#include "cache/process_mark.h"

namespace reposfs {

struct Problem {
  enum class About { kRepository, kHost, kDisk, kJobs };

  About about = About::kRepository;
  std::string subject;  // A repository's key, a host, a directory; or the kind of the jobs.
  std::string error;
  std::string code;  // As ErrcName() has it; empty if nothing has failed.
  std::string advice;
  std::optional<WallTime> since;
};

std::string_view AdviceFor(Errc code);

// What is wrong with the queue: jobs that nobody can do, whose process hangs, or that were given up
// though their failure might pass.  One problem for all jobs of a kind.
std::vector<Problem> ProblemsOfQueue(const std::vector<Job>& jobs,
                                     const std::vector<ProcessMark::Living>& processes,
                                     WallTime now);

}  // namespace reposfs
