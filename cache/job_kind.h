// What kinds of work there are.  Which process does which is up to the configuration.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reposfs {

enum class JobKind {
  kClone,     // The tip of one commit.  Argument: the object to want.
  kHydrate,   // All blobs of one commit.  Argument: the commit.
  kHistory,   // Every branch and tag, whole.
  kFetch,     // Ask the upstream what has changed, and get it.
  kMaintain,  // One pack, commit-graph.
  kInsights,  // What the history tells.  Argument: the commit.
  kEvict,     // Remove it from the disk.  Argument: who needs the room, if anybody.
  kReset,     // Of no repository: give back the jobs of processes that died or hang.
  kClean,     // Of no repository: forget what failed long ago.
};

inline constexpr std::array kAllJobKinds = {JobKind::kClone, JobKind::kHydrate,  JobKind::kHistory,
                                            JobKind::kFetch, JobKind::kMaintain, JobKind::kInsights,
                                            JobKind::kEvict, JobKind::kReset,    JobKind::kClean};

constexpr std::string_view JobKindName(JobKind kind) {
  constexpr std::array<std::string_view, kAllJobKinds.size()> kNames = {
      "clone", "hydrate", "history", "fetch", "maintain", "insights", "evict", "reset", "clean"};
  return kNames[static_cast<std::size_t>(kind)];
}

// "clone, fetch", with another separator if need be.
std::string JobKindNames(std::span<const JobKind> kinds, std::string_view separator = ", ");

// Errors: kInvalidArgument, with the names there are.
Result<JobKind> ParseJobKind(std::string_view name);

// Whether it asks a host for something.
constexpr bool NeedsHost(JobKind kind) {
  return kind == JobKind::kClone || kind == JobKind::kHydrate || kind == JobKind::kHistory ||
         kind == JobKind::kFetch;
}

// Housekeeping of the queue itself, which every process does.
constexpr bool IsHousekeeping(JobKind kind) {
  return kind == JobKind::kReset || kind == JobKind::kClean;
}

}  // namespace reposfs
