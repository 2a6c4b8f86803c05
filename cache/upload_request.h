// What a git client asks this cache for (gitprotocol-v2(5), gitprotocol-pack(5)), understood.
//
// Only what decides which objects must be here, and what can be answered without git, is
// understood; the rest is git's own upload-pack's.  Pure text, no network.
//
// Thread-safety: the functions may be called from any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cache/oid.h"

namespace reposfs {

// Version 1 is version 0 with one more line at the beginning of its advertisement, which we leave
// out: git takes either.
enum class UploadVersion { kZero, kTwo };

struct LsRefsArguments {
  bool peel = false;
  bool symrefs = false;
  bool unborn = false;
  std::vector<std::string> prefixes;  // None: everything.
};

struct FetchArguments {
  std::vector<Oid> wants;  // Each once.
  std::size_t have_count = 0;
  std::optional<std::int64_t> depth;  // `deepen N`
  bool other_depth = false;           // By date, by ref, or relative to what the client has.
  std::optional<std::string> filter;  // "blob:none"
  bool is_shallow = false;            // The client has commits without their parents.
  bool done = false;                  // It wants the pack now.
  bool ofs_delta = false;
  bool no_progress = false;
};

struct UploadRequest {
  UploadVersion version = UploadVersion::kTwo;
  // One of the two, as the command says; neither for a command that only git may know.
  std::optional<LsRefsArguments> ls_refs;
  std::optional<FetchArguments> fetch;
};

// Parses the body of a request.  Errors: kInvalidArgument if it is none, kUnsupported for object
// ids that are not SHA-1.
Result<UploadRequest> ParseUploadRequest(std::string_view body, UploadVersion version);

// The request `body`, which ParseUploadRequest() takes, for git's upload-pack: of what the client
// says that it has, only what `is_here`, each once, and no more than kHavesKept.  What is not here
// means nothing to upload-pack but work and memory: a client may name millions.
std::string WithoutUnknownHaves(std::string_view body,
                                const std::function<bool(const Oid&)>& is_here);
inline constexpr std::size_t kHavesKept = 65'536;

}  // namespace reposfs
