// The checkout itself: directories, files, links and submodules of a view.
#pragma once

#include <memory>
#include <string>

#include "cache/tree.h"
#include "fs/node.h"
#include "fs/view.h"

namespace reposfs {

// A directory of a tree, and the base of the view's own root.
class TreeDirectory : public Node, public std::enable_shared_from_this<TreeDirectory> {
 public:
  TreeDirectory(InodeIdentity identity, ViewPtr view, Oid tree);

  Validity validity() const override;
  Outcome<Attributes> GetAttributes() override;
  Outcome<NodePtr> Lookup(const std::string& name) override;
  LookupIfHere PrepareLookups() override;
  Outcome<ListingPtr> List() override;
  std::vector<std::pair<std::string, std::string>> ExtendedAttributes() override;
  RepositoryPtr repository() const override;

  const ViewPtr& view() const { return view_; }
  // The tree that the entries are of.  REQUIRES: one of them has been looked up.
  virtual Oid shown_tree() const { return tree_; }
  // For reading ahead: `blob`, an entry, is being read from its beginning.
  void NoteReading(const Oid& blob) const;

 protected:
  // The root of a view learns its tree later.
  TreeDirectory(InodeIdentity identity, ViewPtr view)
      : TreeDirectory(identity, std::move(view), Oid{}) {}

  // What the identities of the entries derive from.
  virtual InodeIdentity base() const { return identity(); }

  Outcome<DirectoryPtr> ReadTree(const Oid& tree, Sizes sizes);
  NodePtr MakeChild(const Directory& directory, const TreeEntry& entry);
  Outcome<NodePtr> LookupIn(const Oid& tree, const std::string& name);
  LookupIfHere PrepareLookupsIn(const Oid& tree);
  ListedEntry Listed(const TreeEntry& entry) const;

 private:
  const ViewPtr view_;
  const Oid tree_;
};

using TreeDirectoryPtr = std::shared_ptr<TreeDirectory>;

// The identity of `entry` in the directory with `directory`'s identity.
InodeIdentity IdentityOfEntry(const InodeIdentity& directory, const TreeEntry& entry);

// The permissions and type that `entry` has, as `git checkout` makes them under umask 022.
mode_t ModeOf(EntryType type);

}  // namespace reposfs
