#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace reposfs {
namespace {

Errc ErrcOfErrno(int errno_value) {
  switch (errno_value) {
    case ENOENT:
    case ENOTDIR:
      return Errc::kNotFound;
    case EACCES:
    case EPERM:
      return Errc::kAccessDenied;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return Errc::kNoSpace;
    case ETIMEDOUT:
      return Errc::kTimedOut;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ECONNREFUSED:
      return Errc::kUnreachable;
    case EINVAL:
      return Errc::kInvalidArgument;
    case EINTR:
    case ECANCELED:
      return Errc::kInterrupted;
    case ENOSYS:
    case EOPNOTSUPP:
      return Errc::kUnsupported;
    default:
      return Errc::kIo;
  }
}

}  // namespace

std::string_view ErrcName(Errc code) {
  switch (code) {
    case Errc::kNotFound:
      return "not-found";
    case Errc::kAccessDenied:
      return "access-denied";
    case Errc::kUnreachable:
      return "unreachable";
    case Errc::kTimedOut:
      return "timed-out";
    case Errc::kNoSpace:
      return "no-space";
    case Errc::kCorrupt:
      return "corrupt";
    case Errc::kStale:
      return "stale";
    case Errc::kUnsupported:
      return "unsupported";
    case Errc::kInvalidArgument:
      return "invalid-argument";
    case Errc::kInterrupted:
      return "interrupted";
    case Errc::kIo:
      return "io";
  }
  return "unknown";
}

Errc ErrcOfName(std::string_view name) {
  for (int code = 0; code <= static_cast<int>(Errc::kIo); ++code) {
    if (ErrcName(static_cast<Errc>(code)) == name) return static_cast<Errc>(code);
  }
  return Errc::kIo;
}

Error ErrnoError(int errno_value, std::string_view what) {
  return Error{ErrcOfErrno(errno_value),
               std::string(what) + ": " + std::generic_category().message(errno_value)};
}

}  // namespace reposfs
