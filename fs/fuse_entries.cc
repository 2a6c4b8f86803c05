#include "fs/fuse_entries.h"

#include <cassert>

namespace reposfs {
namespace {

struct stat Brief(const ListedEntry& entry) {
  struct stat brief {};
  brief.st_ino = entry.ino;
  brief.st_mode = entry.type;
  return brief;
}

}  // namespace

double Seconds(std::chrono::milliseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

struct stat ToStat(const Node& node, const Attributes& attributes, const Ownership& owner) {
  struct stat result {};
  result.st_ino = node.ino();
  result.st_mode = attributes.mode;
  result.st_nlink = 1;
  result.st_uid = attributes.foreign_owner ? kNobody : owner.uid;
  result.st_gid = attributes.foreign_owner ? kNobody : owner.gid;
  result.st_size = static_cast<off_t>(attributes.size_bytes);
  result.st_blocks = static_cast<blkcnt_t>((attributes.size_bytes + 511) / 512);
  result.st_blksize = 4096;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(attributes.modified);
  result.st_mtim.tv_sec = seconds.time_since_epoch().count();
  result.st_mtim.tv_nsec = (attributes.modified - seconds).count();
  result.st_atim = result.st_mtim;
  result.st_ctim = result.st_mtim;
  return result;
}

fuse_entry_param ToEntry(const Node& node, const Attributes& attributes, const Ownership& owner) {
  fuse_entry_param entry{};
  entry.ino = node.ino();
  entry.attr = ToStat(node, attributes, owner);
  const Validity validity = node.validity();
  entry.entry_timeout = Seconds(validity.entry);
  entry.attr_timeout = attributes.provisional ? 0 : Seconds(validity.attributes);
  return entry;
}

char* EntryBuffer::Extend(std::size_t size) {
  const std::size_t begin = content_.size();
  content_.resize(begin + size);
  return content_.data() + begin;
}

// libfuse does not look at the request that it asks for.

bool EntryBuffer::Append(const ListedEntry& entry, off_t next) {
  const char* name = entry.name.c_str();
  const std::size_t needed = fuse_add_direntry(nullptr, nullptr, 0, name, nullptr, 0);
  if (needed > size_max_bytes_ - content_.size()) return false;
  const struct stat brief = Brief(entry);
  fuse_add_direntry(nullptr, Extend(needed), needed, name, &brief, next);
  return true;
}

bool EntryBuffer::HasRoomForLookup(const std::string& name) const {
  const std::size_t needed = fuse_add_direntry_plus(nullptr, nullptr, 0, name.c_str(), nullptr, 0);
  return needed <= size_max_bytes_ - content_.size();
}

void EntryBuffer::AppendLookup(const ListedEntry& entry, fuse_entry_param looked_up, off_t next) {
  assert(HasRoomForLookup(entry.name));
  if (looked_up.ino == 0) looked_up.attr = Brief(entry);
  const char* name = entry.name.c_str();
  const std::size_t needed = fuse_add_direntry_plus(nullptr, nullptr, 0, name, nullptr, 0);
  fuse_add_direntry_plus(nullptr, Extend(needed), needed, name, &looked_up, next);
}

}  // namespace reposfs
