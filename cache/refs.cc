#include "cache/refs.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace reposfs {
namespace {

constexpr std::string_view kSymrefPrefix = "ref: ";
constexpr std::string_view kPeeledSuffix = "^{}";
constexpr std::size_t kSha256HexSize = 64;

bool IsKept(std::string_view name) {
  return name.starts_with("refs/heads/") || name.starts_with("refs/tags/");
}

// A name that can stand in a packed-refs file and in a path: git's own rules, as far as they
// protect us (git-check-ref-format(1)).
bool IsWellFormed(std::string_view name) {
  return name.size() <= 4096 && Printable(name) == name &&
         name.find_first_of(" ~^:?*[\\") == std::string_view::npos &&
         name.find("..") == std::string_view::npos && name.find("//") == std::string_view::npos &&
         name.find("/.") == std::string_view::npos && !name.ends_with('/') &&
         !name.ends_with(".lock");
}

Result<Oid> ParseAdvertised(std::string_view hex) {
  if (hex.size() == kSha256HexSize) {
    return Error{Errc::kUnsupported,
                 "the repository uses SHA-256 object ids, which are not supported yet"};
  }
  const auto oid = Oid::FromHex(hex);
  if (!oid) return Error{Errc::kInvalidArgument, "the upstream's list of refs is malformed"};
  return *oid;
}

// One line of ls-remote.
Status AddLine(std::string_view line, RefCollector& refs) {
  const std::size_t tab = line.find('\t');
  if (tab == std::string_view::npos) return {};
  const std::string_view value = line.substr(0, tab);
  std::string_view name = line.substr(tab + 1);
  if (value.starts_with(kSymrefPrefix)) {
    refs.AddSymref(name, value.substr(kSymrefPrefix.size()));
    return {};
  }
  if (!name.ends_with(kPeeledSuffix)) return refs.Add(name, value);
  name.remove_suffix(kPeeledSuffix.size());
  return refs.AddPeeled(name, value);
}

}  // namespace

RefSnapshot::RefSnapshot(std::string head_branch, Oid head, std::vector<Ref> refs)
    : head_branch_(std::move(head_branch)), head_(head), refs_(std::move(refs)) {
  std::sort(refs_.begin(), refs_.end(), [](const Ref& a, const Ref& b) { return a.name < b.name; });
}

Result<RefSnapshot> RefSnapshot::FromLsRemote(std::string_view output) {
  RefCollector refs;
  for (const std::string_view line : Split(output, '\n')) {
    if (auto added = AddLine(line, refs); !added) return std::move(added).error();
  }
  return std::move(refs).Take();
}

Result<RefSnapshot> RefSnapshot::Parse(std::string_view text) {
  const Error malformed{Errc::kCorrupt, "the saved list of refs is malformed"};
  std::string head_branch;
  Oid head;
  std::vector<Ref> refs;
  for (const std::string_view line : Split(text, '\n')) {
    if (line.empty()) continue;
    const auto fields = Split(line, ' ');
    if (fields.size() != 3) return malformed;
    if (fields[0] == "HEAD") {
      const auto oid = Oid::FromHex(fields[1]);
      if (!oid) return malformed;
      head = *oid;
      head_branch = fields[2] == "-" ? "" : fields[2];
      continue;
    }
    const auto object = Oid::FromHex(fields[0]);
    const auto peeled = Oid::FromHex(fields[1]);
    if (!object || !peeled) return malformed;
    refs.push_back(Ref{std::string(fields[2]), *object, *peeled});
  }
  return RefSnapshot(std::move(head_branch), head, std::move(refs));
}

std::string RefSnapshot::Serialize() const {
  std::string text =
      "HEAD " + head_.Hex() + " " + (head_branch_.empty() ? "-" : head_branch_) + "\n";
  for (const Ref& ref : refs_) {
    text += ref.object.Hex() + " " + ref.peeled.Hex() + " " + ref.name + "\n";
  }
  return text;
}

const Ref* RefSnapshot::Find(std::string_view full_name) const {
  const auto found =
      std::lower_bound(refs_.begin(), refs_.end(), full_name,
                       [](const Ref& ref, std::string_view name) { return ref.name < name; });
  return found != refs_.end() && found->name == full_name ? &*found : nullptr;
}

bool RefSnapshot::Names(const Oid& id) const {
  return head_ == id || std::any_of(refs_.begin(), refs_.end(), [&](const Ref& ref) {
           return ref.object == id || ref.target() == id;
         });
}

Status RefCollector::Add(std::string_view name, std::string_view object_hex) {
  const auto oid = ParseAdvertised(object_hex);
  if (!oid) return oid.error();
  if (name == "HEAD") {
    head_ = *oid;
  } else if (IsKept(name) && IsWellFormed(name)) {
    refs_.push_back(Ref{std::string(name), *oid, Oid{}});
  }
  return {};
}

void RefCollector::AddSymref(std::string_view name, std::string_view target) {
  if (name == "HEAD" && IsKept(target) && IsWellFormed(target)) head_branch_ = target;
}

Status RefCollector::AddPeeled(std::string_view name, std::string_view object_hex) {
  const auto oid = ParseAdvertised(object_hex);
  if (!oid) return oid.error();
  if (!refs_.empty() && refs_.back().name == name) refs_.back().peeled = *oid;
  return {};
}

RefSnapshot RefCollector::Take() && {
  return RefSnapshot(std::move(head_branch_), head_, std::move(refs_));
}

std::optional<ResolvedRef> RefSnapshot::Resolve(std::string_view spelling) const {
  if (spelling.empty() || spelling == "HEAD") return ResolvedRef{head_branch_, head_, head_};
  const std::string name(spelling);
  for (const std::string& candidate : {"refs/heads/" + name, "refs/tags/" + name, name}) {
    if (const Ref* ref = Find(candidate)) return ResolvedRef{ref->name, ref->object, ref->target()};
  }
  return std::nullopt;
}

}  // namespace reposfs
