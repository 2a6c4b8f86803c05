// One inode of the mount.
//
// What the kernel can ask of an inode is the interface; each kind of file or directory is a small
// class of its own (name_nodes.h, tree_nodes.h, git_nodes.h, virtual_files.h).  A node is
// immutable: what changes is which node a name leads to.
//
// Every call answers at once from the disk, or returns a flight to wait for.
//
// Thread-safety: every method may be called from any thread.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/flight.h"
#include "base/result.h"
#include "cache/blob_cache.h"
#include "cache/repository.h"
#include "fs/inode_number.h"

namespace reposfs {

class Node;
using NodePtr = std::shared_ptr<Node>;

// How long the kernel may believe an answer without asking again.
struct Validity {
  std::chrono::milliseconds entry;       // That the name leads to this node.
  std::chrono::milliseconds attributes;  // What stat says.
};

// What never changes is believed for ever.
inline constexpr std::chrono::milliseconds kForEver = std::chrono::hours(24 * 365 * 10);

struct Attributes {
  mode_t mode = 0;
  std::uint64_t size_bytes = 0;
  std::chrono::sys_time<std::chrono::nanoseconds> modified{};
  bool foreign_owner = false;  // Belongs to nobody, so that git trusts nothing in it.
  bool provisional = false;    // Better ones will be known soon: the kernel must ask again.
};

struct ListedEntry {
  std::string name;
  std::uint64_t ino;
  mode_t type;  // S_IFDIR, S_IFREG or S_IFLNK.
};
using Listing = std::vector<ListedEntry>;
using ListingPtr = std::shared_ptr<const Listing>;

// A piece of a file: bytes [offset, offset + size) of `data`, which may be shorter.
struct Piece {
  BlobDataPtr data;
  std::uint64_t offset = 0;
  std::size_t size = 0;
};

// Where the kernel knows a node that keeps a file of the store open.
struct HeldPlace {
  std::uint64_t parent_ino;
  std::string name;
};

// Why a lookup could not wait for its flight.
enum class Despite { kDeadline, kFailure };

class Node {
 public:
  explicit Node(InodeIdentity identity) : identity_(identity) {}
  virtual ~Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  const InodeIdentity& identity() const { return identity_; }
  std::uint64_t ino() const { return identity_.number; }
  // Before the node is published: another one has its number.
  void MoveTo(std::uint64_t number) { identity_.number = number; }

  virtual Validity validity() const = 0;
  virtual Outcome<Attributes> GetAttributes() = 0;
  // What a lookup answers beside the node, which should not wait for them: they may be provisional.
  virtual Outcome<Attributes> AttributesAtLookup() { return GetAttributes(); }

  // Directories.  Errors: kNotFound; kInvalidArgument if this is none.
  virtual Outcome<NodePtr> Lookup(const std::string& name);
  // How long a lookup may wait for its flight at most; zero: as long as any other request.
  virtual std::chrono::milliseconds lookup_patience() const { return {}; }
  // What Lookup() answers when waiting for its flight was in vain.
  virtual Outcome<NodePtr> LookupDespite(const std::string& name, Despite why, const Error& error);
  // For listing a directory with attributes: a function that looks one name after another up
  // without fetching anything; it returns null for what is not here.
  using LookupIfHere = std::function<NodePtr(const std::string& name)>;
  virtual LookupIfHere PrepareLookups();
  // How long "there is no such name" may be believed; for ever, unless names may come.
  virtual std::chrono::milliseconds negative_validity(const std::string& name) const;
  virtual Outcome<ListingPtr> List();

  virtual Outcome<Piece> Read(std::uint64_t offset, std::size_t size);
  virtual Outcome<std::string> ReadLink();

  // "user.reposfs.commit" and the like.
  virtual std::vector<std::pair<std::string, std::string>> ExtendedAttributes() { return {}; }

  // Set if the node keeps a file of the store open.
  virtual std::optional<HeldPlace> held_place() const { return std::nullopt; }

  // The repository that is in use when this node is; null if there is none.
  virtual RepositoryPtr repository() const { return nullptr; }

 private:
  friend class NodeTable;

  InodeIdentity identity_;
  // How often the kernel has looked it up; the table's own, under its lock.  32 bits leave room for
  // what derived classes begin with, and a count that has reached the end stays there.
  std::uint32_t lookup_count_ = 0;
};

}  // namespace reposfs
