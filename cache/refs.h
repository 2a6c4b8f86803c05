// What an upstream said its branches and tags are, at one moment.
//
// A RefSnapshot is immutable and shared: whoever holds one sees one consistent state of the
// upstream, whatever is fetched meanwhile.
//
// Format on disk (`refs` in a repository's directory), one line each:
//   HEAD <oid or 40 zeros> <name of the branch, or "-">
//   <oid> <peeled oid or 40 zeros> <full name>
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cache/oid.h"

namespace reposfs {

struct Ref {
  std::string name;  // Full: "refs/heads/main".
  Oid object;        // What the ref holds: a commit, or an annotated tag.
  Oid peeled;        // What an annotated tag points at in the end; null for any other ref.

  const Oid& target() const { return peeled.IsNull() ? object : peeled; }
  bool operator==(const Ref&) const = default;
};

// A name that a user wrote after '@', understood.
struct ResolvedRef {
  std::string full_name;  // Empty for a commit.
  Oid object;             // What to ask the upstream for.
  Oid commit;             // Null in an empty repository.

  bool IsBranch() const { return full_name.starts_with("refs/heads/"); }
  bool operator==(const ResolvedRef&) const = default;
};

class RefSnapshot {
 public:
  // `head_branch` is the full name that HEAD points to; empty if HEAD is detached or absent.
  RefSnapshot(std::string head_branch, Oid head, std::vector<Ref> refs);

  // Parses the output of `git ls-remote --symref`.  Only HEAD, branches and tags are kept.
  // Errors: kUnsupported for a SHA-256 repository; kInvalidArgument for anything else that is not
  // such output.
  static Result<RefSnapshot> FromLsRemote(std::string_view output);

  static Result<RefSnapshot> Parse(std::string_view text);
  std::string Serialize() const;

  const std::string& head_branch() const { return head_branch_; }
  const Oid& head() const { return head_; }
  const std::vector<Ref>& refs() const { return refs_; }  // In the order of their names.

  const Ref* Find(std::string_view full_name) const;

  // Whether HEAD, a branch or a tag holds `id`, or points at it in the end.
  bool Names(const Oid& id) const;

  // Understands `spelling` as git would: empty or "HEAD", a full name, a branch, a tag.  Commits
  // are not looked for here.
  std::optional<ResolvedRef> Resolve(std::string_view spelling) const;

  bool operator==(const RefSnapshot&) const = default;

 private:
  std::string head_branch_;
  Oid head_;
  std::vector<Ref> refs_;
};

// Makes a RefSnapshot of what an upstream says, in whatever protocol it says it.  Only HEAD,
// branches and tags with well-formed names are kept.
//
// Errors: kUnsupported for an object id of a SHA-256 repository; kInvalidArgument for anything else
// that is no id.
class RefCollector {
 public:
  Status Add(std::string_view name, std::string_view object_hex);
  // `name` is a symbolic ref.
  void AddSymref(std::string_view name, std::string_view target);
  // What `name`, the last one added, points at in the end.
  Status AddPeeled(std::string_view name, std::string_view object_hex);

  RefSnapshot Take() &&;

 private:
  std::string head_branch_;
  Oid head_;
  std::vector<Ref> refs_;
};

using RefSnapshotPtr = std::shared_ptr<const RefSnapshot>;

}  // namespace reposfs
