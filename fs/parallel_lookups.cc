#include "fs/parallel_lookups.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstring>

#include "fs/fuse_entries.h"

namespace reposfs {
namespace {

constexpr int kPassedOnSince = FUSE_MAKE_VERSION(3, 17);

// The kernel counts its requests in steps of 2, before 4.20 of 1; INIT is the first.
constexpr std::uint64_t kFirstRequestMax = 2;

// Whether `parts` are the answer to INIT.
bool IsInit(const iovec* parts, int count) {
  fuse_out_header header;
  const bool has_size =
      count == 2 && parts[0].iov_len == sizeof header && parts[1].iov_len == sizeof(fuse_init_out);
  if (!has_size) return false;
  std::memcpy(&header, parts[0].iov_base, sizeof header);
  return header.unique <= kFirstRequestMax && header.error == 0;
}

void AddFlag(const iovec& part) {
  fuse_init_out init;
  std::memcpy(&init, part.iov_base, sizeof init);
  init.flags |= FUSE_PARALLEL_DIROPS;
  std::memcpy(part.iov_base, &init, sizeof init);
}

ssize_t Write(int fd, iovec* parts, int count, void*) {
  if (IsInit(parts, count)) AddFlag(parts[1]);
  return ::writev(fd, parts, count);
}

ssize_t Read(int fd, void* bytes, std::size_t size, void*) {
  return ::read(fd, bytes, size);
}

ssize_t Splice(int from, off_t* from_offset, int to, off_t* to_offset, std::size_t size,
               unsigned flags, void*) {
  return ::splice(from, from_offset, to, to_offset, size, flags);
}

}  // namespace

Status AllowParallelLookups(fuse_session* session) {
  if (fuse_version() >= kPassedOnSince) return {};
  constexpr fuse_custom_io kChannel{Write, Read, Splice, Splice};
  const int result = fuse_session_custom_io(session, &kChannel, fuse_session_fd(session));
  return result == 0 ? Status() : ErrnoError(-result, "FUSE session");
}

}  // namespace reposfs
