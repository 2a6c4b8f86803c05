#include "fs/view_root.h"

#include <algorithm>
#include <utility>

#include "fs/git_nodes.h"
#include "fs/virtual_files.h"

namespace reposfs {
namespace {

constexpr char kGitName[] = ".git";

}  // namespace

ViewRoot::ViewRoot(ViewPtr view) : TreeDirectory(view->identity(), view) {}

Validity ViewRoot::validity() const {
  const auto validity = view()->mount().view_validity;
  return {validity, validity};
}

Outcome<Attributes> ViewRoot::GetAttributes() {
  // The time of the commit is the directory's; one that changed later would make `tar` complain.
  // But while the host has not even said which commit that is, the directory can be entered.
  const Outcome<Commit> commit = view()->commit();
  if (commit.waits() && view()->target_if_known()) return commit.As<Attributes>();
  return AttributesAtLookup();
}

Outcome<Attributes> ViewRoot::AttributesAtLookup() {
  // Asking for the commit begins to fetch it.
  const Outcome<Commit> commit = view()->commit();
  Attributes attributes{S_IFDIR | 0755, 0, view()->modified()};
  attributes.provisional = !commit.has_value();
  return attributes;
}

Outcome<NodePtr> ViewRoot::LookupOurs(const std::string& name) {
  // It tells of the whole tip, and the tree may be here before that.
  const auto target = view()->target_if_known();
  const bool has_commit = target && !target->ref.commit.IsNull();
  if (has_commit) {
    const Outcome<Done> tip = view()->cache().NeedTip(*target);
    if (!tip.has_value()) return tip.As<NodePtr>();
  }
  return name == kGitName ? MakeGitDirectory(view()) : MakeVirtualFile(view(), name);
}

Outcome<NodePtr> ViewRoot::Lookup(const std::string& name) {
  Outcome<Commit> commit = view()->commit();
  if (!commit.has_value()) return commit.As<NodePtr>();
  if (name == kGitName) return LookupOurs(name);
  Outcome<NodePtr> child = LookupIn(commit.value().tree, name);
  const bool absent =
      !child.waits() && !child.has_value() && child.result().error().code == Errc::kNotFound;
  if (!absent) return child;
  // A file of the repository itself goes before ours of the same name.
  const std::vector<std::string>& names = VirtualFileNames();
  const bool is_ours = std::find(names.begin(), names.end(), name) != names.end();
  return is_ours ? LookupOurs(name) : child;
}

Node::LookupIfHere ViewRoot::PrepareLookups() {
  const Outcome<Commit> commit = view()->commit();
  if (!commit.has_value()) {
    return [](const std::string&) -> NodePtr { return nullptr; };
  }
  return [this, in_tree = PrepareLookupsIn(commit.result()->tree)](const std::string& name) {
    if (name != kGitName) return in_tree(name);
    const Outcome<NodePtr> git = LookupOurs(name);
    return git.has_value() ? *git.result() : nullptr;
  };
}

Outcome<ListingPtr> ViewRoot::List() {
  Outcome<Commit> commit = view()->commit();
  if (!commit.has_value()) return commit.As<ListingPtr>();
  Outcome<DirectoryPtr> directory = ReadTree(commit.value().tree, Sizes::kNotNeeded);
  if (!directory.has_value()) return directory.As<ListingPtr>();
  auto listing = std::make_shared<Listing>();
  listing->push_back(ListedEntry{kGitName, IdentityOf(base(), kGitName, "git").number, S_IFDIR});
  for (const TreeEntry& entry : directory.value()->entries) listing->push_back(Listed(entry));
  for (const std::string& name : VirtualFileNames()) {
    if (directory.value()->Find(name) != nullptr) continue;
    listing->push_back(ListedEntry{name, IdentityOf(base(), name, "virtual").number, S_IFREG});
  }
  return ListingPtr(std::move(listing));
}

std::vector<std::pair<std::string, std::string>> ViewRoot::ExtendedAttributes() {
  const auto target = view()->target_if_known();
  if (!target) return {};
  const RepositoryRecord record = target->repository->record();
  Stage stage = target->repository->StageOf(target->ref.commit);
  if (stage == Stage::kContent && record.stage == Stage::kComplete) stage = Stage::kComplete;
  return {{"user.reposfs.commit", target->ref.commit.Hex()},
          {"user.reposfs.checked", ToIso8601(record.last_checked)},
          {"user.reposfs.stage", std::string(StageName(stage))},
          {"user.reposfs.error", record.error}};
}

}  // namespace reposfs
