#include "fs/errno_map.h"

#include <cerrno>

namespace reposfs {

int ErrnoOf(Errc code) {
  switch (code) {
    case Errc::kNotFound:
      return ENOENT;
    case Errc::kAccessDenied:
      return EACCES;
    case Errc::kUnreachable:
      return EHOSTUNREACH;
    case Errc::kTimedOut:
      return ETIMEDOUT;
    case Errc::kNoSpace:
      return ENOSPC;
    case Errc::kStale:
      return ESTALE;
    case Errc::kUnsupported:
      return EOPNOTSUPP;
    case Errc::kInvalidArgument:
      return EINVAL;
    case Errc::kInterrupted:
      return EINTR;
    case Errc::kCorrupt:
    case Errc::kIo:
      return EIO;
  }
  return EIO;
}

}  // namespace reposfs
