// Nodes in the words of the kernel: what stat returns, what a lookup returns, what a listing is.
//
// Thread-safety: functions may be called from any thread; an EntryBuffer belongs to one.
#pragma once

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <string>

#include "fs/node.h"

namespace reposfs {

// Who owns what belongs to nobody.
inline constexpr uid_t kNobody = 65534;

// Who owns everything else in the mount.
struct Ownership {
  uid_t uid = 0;
  gid_t gid = 0;
};

double Seconds(std::chrono::milliseconds duration);

struct stat ToStat(const Node& node, const Attributes& attributes, const Ownership& owner);

fuse_entry_param ToEntry(const Node& node, const Attributes& attributes, const Ownership& owner);

// The answer to one READDIR or READDIRPLUS: as many entries as fit.
//
// Invariants:
//   (1) content().size() <= size_max_bytes.
class EntryBuffer {
 public:
  explicit EntryBuffer(std::size_t size_max_bytes) : size_max_bytes_(size_max_bytes) {}

  // Appends `entry`; the kernel goes on from `next` when it has read it.  Returns whether it fits.
  bool Append(const ListedEntry& entry, off_t next);

  // Whether an entry of this name, with attributes, fits.
  bool HasRoomForLookup(const std::string& name) const;
  // The same for READDIRPLUS.  With `looked_up.ino` 0 nothing is said but the type.
  // REQUIRES: HasRoomForLookup(entry.name).
  void AppendLookup(const ListedEntry& entry, fuse_entry_param looked_up, off_t next);

  const std::string& content() const { return content_; }

 private:
  // Makes room for `size` more bytes and returns where it begins.
  char* Extend(std::size_t size);

  const std::size_t size_max_bytes_;
  std::string content_;
};

}  // namespace reposfs
