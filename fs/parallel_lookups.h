// Looking up names of one directory at the same time.
//
// Unless it is told otherwise, the kernel sends no lookup or listing of a directory while another
// one of it is not answered, and who waits for that can't even be interrupted.  libfuse up to 3.16
// takes FUSE_CAP_PARALLEL_DIROPS and keeps it for itself
// (https://github.com/libfuse/libfuse/pull/861), so the flag is added here to what it answers.
#pragma once

#include "base/result.h"

struct fuse_session;

namespace reposfs {

// REQUIRES: `session` is mounted, and has answered nothing yet.  Errors: kIo.
Status AllowParallelLookups(fuse_session* session);

}  // namespace reposfs
