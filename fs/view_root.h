// The directory that a repository's name leads to: the checkout, plus `.git` and the virtual files.
#pragma once

#include <memory>
#include <string>

#include "fs/tree_nodes.h"

namespace reposfs {

class ViewRoot final : public TreeDirectory {
 public:
  explicit ViewRoot(ViewPtr view);

  Validity validity() const override;
  // Never waits: that a name exists is known before what it holds.
  Outcome<Attributes> GetAttributes() override;
  Outcome<Attributes> AttributesAtLookup() override;
  Outcome<NodePtr> Lookup(const std::string& name) override;
  LookupIfHere PrepareLookups() override;
  Outcome<ListingPtr> List() override;
  std::vector<std::pair<std::string, std::string>> ExtendedAttributes() override;

  Oid shown_tree() const override { return view()->root_tree(); }

 protected:
  InodeIdentity base() const override { return view()->identity(); }

 private:
  // `.git`, or a virtual file.
  Outcome<NodePtr> LookupOurs(const std::string& name);
};

}  // namespace reposfs
