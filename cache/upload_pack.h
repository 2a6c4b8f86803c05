// Answering a git client's request for objects from one repository of this cache.
//
// A clone of everything gets the pack as it lies on the disk, if one pack is all there is: no
// object is counted, and nothing is compressed.  Whatever else is asked, git's own upload-pack
// answers, a child under limits, in a scratch directory that borrows the repository's objects.
//
// Thread-safety: may be called from any thread; blocks until the whole answer has been taken.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cache/repository.h"
#include "cache/upload_request.h"

namespace reposfs {

struct UploadLimits {
  // Private memory of each git process (RLIMIT_DATA).
  std::uint64_t memory_bytes = 1ull << 30;
  std::chrono::milliseconds timeout = std::chrono::hours(2);
};

// Whom the answer goes to.
struct UploadSink {
  // Takes the next bytes; may block.  A failure ends the answer and becomes its result.
  std::function<Status(std::string_view bytes)> put;
  // Called about 20 times a second while git works; a failure ends the answer, too.
  std::function<Status()> keep_going;
};

// Answers `body`, which `request` is made of.  What it asks for is here.  `scratch` does not exist;
// it is removed before the return.
//
// REQUIRES: a Use of `repository`; request.fetch, or a command that is not ls-refs.
// Errors: those of `sink`; kTimedOut; kIo if git fails, perhaps after a part of the answer.
Status AnswerUpload(const Repository& repository, const UploadRequest& request,
                    std::string_view body, const std::filesystem::path& scratch,
                    const UploadLimits& limits, const UploadSink& sink);

// Sends all of a repository as a git bundle (gitformat-bundle(5), version 2): its refs, and the
// pack as it lies on the disk.
//
// REQUIRES: a Use of `repository`.
// Errors: those of `sink`; kNotFound if the repository is not complete, or not in one pack; kIo.
Status SendBundle(const Repository& repository, const UploadSink& sink);

}  // namespace reposfs
