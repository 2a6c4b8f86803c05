#include "cache/problem.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/text.h"
#include "cache/job_runner.h"

namespace reposfs {
namespace {

// A job that has been due for so long is not about to be begun by somebody who has just started.
constexpr std::chrono::seconds kDueFor(3);
// So long after its lease a job would have been given to another process.
constexpr std::chrono::seconds kLapsedFor(5);

std::set<JobKind> KindsOf(const std::vector<ProcessMark::Living>& processes) {
  std::set<JobKind> kinds;
  for (const ProcessMark::Living& process : processes) {
    for (const std::string_view name : Split(process.about, ',')) {
      if (const auto kind = ParseJobKind(name)) kinds.insert(*kind);
    }
  }
  return kinds;
}

enum class Trouble { kNone, kNobody, kHangs, kGivenUp };

Trouble TroubleOf(const Job& job, const std::set<JobKind>& kinds, WallTime now) {
  if (job.running()) return job.lease_until + kLapsedFor < now ? Trouble::kHangs : Trouble::kNone;
  if (IsHousekeeping(job.kind)) {
    return job.last_error.empty() ? Trouble::kNone : Trouble::kGivenUp;
  }
  // What is final is told of its repository.
  if (job.state == JobState::kFailed) {
    return MayPass(ErrcOfName(job.error_code)) ? Trouble::kGivenUp : Trouble::kNone;
  }
  const bool due = job.not_before + kDueFor < now;
  return due && !kinds.contains(job.kind) ? Trouble::kNobody : Trouble::kNone;
}

WallTime SinceOf(const Job& job) {
  if (job.running()) return job.lease_until;
  return job.state == JobState::kFailed ? job.failed_at : job.not_before;
}

// `job` is the one that is in trouble for longest, of `count`.
Problem ProblemOf(Trouble trouble, const Job& job, int count) {
  const std::string kind(JobKindName(job.kind));
  const std::string jobs = std::to_string(count) + (count == 1 ? " job" : " jobs");
  Problem problem;
  problem.about = Problem::About::kJobs;
  problem.subject = kind;
  problem.since = SinceOf(job);
  problem.code = job.error_code;
  switch (trouble) {
    case Trouble::kNobody:
      problem.error = jobs + " due, and no process does such work";
      problem.advice = "run `reposfs worker --job=" + kind + "`, or add it to jobs.inline";
      problem.code.clear();
      break;
    case Trouble::kHangs:
      problem.error = jobs + " with processes that give no sign of life (" + job.owner + ")";
      problem.advice = "it is given to others by itself; if this stays, end that process";
      problem.code.clear();
      break;
    default:
      problem.error = jobs + " failed for too long: " + job.last_error;
      problem.advice = IsHousekeeping(job.kind)
                           ? "it is tried again by itself; see the log"
                           : "mend the cause, then run `reposfs jobs --retry " +
                                 std::to_string(job.id) +
                                 "`; `reposfs jobs --state failed` shows all";
  }
  return problem;
}

}  // namespace

std::string_view AdviceFor(Errc code) {
  switch (code) {
    case Errc::kNotFound:
      return "check the name; the host says it does not exist";
    case Errc::kAccessDenied:
      return "set up git's credentials for this host, or hosts.<name>.credentialsFile";
    case Errc::kUnreachable:
      return "check the network and the host; it is tried again by itself";
    case Errc::kTimedOut:
      return "the host is slow; it is tried again by itself";
    case Errc::kNoSpace:
      return "raise cache.quota, free disk space, or unpin repositories";
    case Errc::kCorrupt:
      return "it is fetched again; if this repeats, check the disk and the upstream";
    case Errc::kStale:
      return "ask for the name again; its branch or tag has moved";
    case Errc::kUnsupported:
      return "this repository can't be served";
    default:
      return "see the log";
  }
}

std::vector<Problem> ProblemsOfQueue(const std::vector<Job>& jobs,
                                     const std::vector<ProcessMark::Living>& processes,
                                     WallTime now) {
  struct Group {
    Job worst;
    int count = 0;
  };
  const std::set<JobKind> kinds = KindsOf(processes);
  std::map<std::pair<Trouble, JobKind>, Group> groups;
  for (const Job& job : jobs) {
    const Trouble trouble = TroubleOf(job, kinds, now);
    if (trouble == Trouble::kNone) continue;
    Group& group = groups[{trouble, job.kind}];
    if (group.count++ == 0 || SinceOf(job) < SinceOf(group.worst)) group.worst = job;
  }
  std::vector<Problem> problems;
  for (const auto& [what, group] : groups) {
    problems.push_back(ProblemOf(what.first, group.worst, group.count));
  }
  return problems;
}

}  // namespace reposfs
