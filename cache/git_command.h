// Running the `git` command, always with the same safe settings.
//
// No prompt, no hook, no template, no program that a repository could name; only the protocol that
// the URL needs; no redirects to other hosts.  Credentials come from the user's own git
// configuration, ssh agent, or the host's file, and never stand in an argument or a log line.
//
// Thread-safety: the functions may be called from any thread; none of them blocks.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/process.h"
#include "base/result.h"
#include "cache/options.h"
#include "cache/origin.h"

namespace reposfs {

// The name of the one remote that the commands know.
inline constexpr char kRemoteName[] = "reposfs-upstream";

// `arguments` follow "git".  If `source` is given, kRemoteName has its URL, and credentials work.
ProcessOptions GitCommand(std::vector<std::string> arguments, const FetchOptions& limits,
                          const Source* source);

// ssh with the options that every connection of ours has, for `source`.
std::vector<std::string> SshArguments(const Source* source);

// What some words of git, curl, ssh or a server mean, if they are known.
std::optional<Errc> MeaningOf(std::string_view words);

// What a user can do about it, as the end of a message; empty if nothing is known.
std::string AdviceOn(std::string_view words);

// What the failed `result` of a git command that talked to `url` means.
Error GitFailure(const ProcessResult& result, const std::string& url);

}  // namespace reposfs
