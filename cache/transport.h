// How refs and objects come from a source to this machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "base/result.h"
#include "cache/object.h"
#include "cache/oid.h"
#include "cache/origin.h"
#include "cache/refs.h"

namespace reposfs {

struct FetchProgress {
  std::uint64_t received_bytes = 0;
  std::uint64_t object_count = 0;        // Received so far.
  std::uint64_t object_count_total = 0;  // 0: not known yet.
  std::uint64_t replaced_bytes = 0;      // Go when the transfer is done.
  std::uint64_t said_bytes = 0;          // Of messages: a sign of life before the first byte comes.
};

enum class FetchDepth {
  kCommitOnly,  // The wanted commits without their parents.
  kAsIs,        // Back to what is here already.
  kUnshallow,   // The whole history, also of what is shallow here.
};

struct FetchRequest {
  Source source;
  // A staging repository (cache/staging.h), which receives the objects and the new `shallow`.
  std::filesystem::path staging;
  std::vector<Oid> wants;
  // Commits and tags that are here whole, the most telling first.  They are refs of the staging,
  // too.
  std::vector<Oid> haves;
  FetchDepth depth = FetchDepth::kAsIs;
  // Leave all blobs out that are not wanted by name.
  bool without_blobs = false;
  // Ask for everything, whatever is here.
  bool ignore_local = false;
  // Called about 20 times a second; a failure ends the transfer and becomes the result.
  std::function<Status(const FetchProgress&)> on_progress;
  // Called for commits and trees that come whole, if whoever indexes the pack can tell before its
  // end: the git command can't.  May be empty.
  ObjectListener on_object = {};
};

// Ages travel in whole seconds, rounded up, and the answer itself takes its time.
inline constexpr milliseconds kAgePrecision(2'000);

struct ListedRefs {
  RefSnapshot refs;
  // How long ago the git host said so: more than 0 if a peer remembers it.
  milliseconds age{0};
  bool by_peer = false;
  // Why the git host could not be asked, if they are older than was wanted.
  std::optional<Error> host_failure = std::nullopt;
};

// Thread-safety: every method may be called from any thread; it blocks until the transfer's end.
//
// Errors of every method: kNotFound (the source says that there is no such repository or object),
// kAccessDenied, kUnreachable, kTimedOut, kNoSpace, kUnsupported, kCorrupt (what came is not git),
// and those of `on_progress`.  A message names the URL and the cause.
class Transport {
 public:
  virtual ~Transport() = default;

  // `keep_going` is called about 20 times a second; a failure ends the call.
  virtual Result<ListedRefs> ListRefs(const Source& source,
                                      const std::function<Status()>& keep_going) = 0;
  virtual Status Fetch(const FetchRequest& request) = 0;

  // Gets ready what the first access to `host` would have to wait for on this machine.  It does not
  // talk to the host, and what fails here fails then, too.
  virtual void Prepare(const HostOptions& host, const std::function<Status()>& keep_going);
};

inline void Transport::Prepare(const HostOptions&, const std::function<Status()>&) {}

}  // namespace reposfs
