#include "cache/staging.h"

#include <utility>

#include "base/file_util.h"
#include "base/text.h"

namespace reposfs {
namespace {

constexpr char kConfig[] =
    "[core]\n"
    "\trepositoryformatversion = 0\n"
    "\tbare = true\n";

// HEAD must name a branch that does not exist, or git would try to read it.
constexpr char kHead[] = "ref: refs/heads/none\n";

constexpr char kShallowBefore[] = "shallow.before";
constexpr char kReplaced[] = "replaced";
constexpr char kSealed[] = "sealed";

std::string PackedRefs(const std::vector<Oid>& haves) {
  std::string text = "# pack-refs with: sorted\n";
  const std::set<Oid> sorted(haves.begin(), haves.end());
  for (const Oid& have : sorted) text += have.Hex() + " refs/reposfs/" + have.Hex() + "\n";
  return text;
}

}  // namespace

Result<Staging> Staging::Create(std::filesystem::path path, const StoreDirectory& store,
                                const std::vector<Oid>& haves) {
  if (auto removed = RemoveTree(path); !removed) return std::move(removed).error();
  for (const char* directory : {"objects/pack", "objects/info", "refs"}) {
    if (auto made = MakeDirectories(path / directory); !made) return std::move(made).error();
  }
  Staging staging(path);
  const std::string shallow = SerializeShallow(store.Shallow());
  const std::pair<const char*, std::string> files[] = {
      {"config", kConfig},
      {"HEAD", kHead},
      {"packed-refs", PackedRefs(haves)},
      {"shallow", shallow},
      {kShallowBefore, shallow},
      {"objects/info/alternates", std::filesystem::absolute(store.objects()).string() + "\n"},
  };
  for (const auto& [name, content] : files) {
    if (content.empty()) continue;
    if (auto written = WriteFile(path / name, content); !written) {
      return std::move(written).error();
    }
  }
  return staging;
}

Result<Staging> Staging::Reopen(std::filesystem::path path) {
  std::error_code error;
  if (!std::filesystem::exists(path / kSealed, error)) {
    return Error{Errc::kNotFound, path.string() + ": not a sealed staging"};
  }
  return Staging(std::move(path));
}

Staging::Staging(Staging&& other) noexcept : path_(std::exchange(other.path_, {})) {}

Staging& Staging::operator=(Staging&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

Staging::~Staging() {
  if (path_.empty()) return;
  // What can't be removed now is removed at the next start, unless it passes for sealed.
  if (RemoveTree(path_ / kSealed)) static_cast<void>(RemoveTree(path_));
}

Status Staging::KeepShallow(const std::set<Oid>& commits) {
  std::set<Oid> kept = shallow_before();
  std::erase_if(kept, [&](const Oid& commit) { return !commits.contains(commit); });
  for (const char* name : {"shallow", kShallowBefore}) {
    Status changed =
        kept.empty() ? RemoveTree(path_ / name) : WriteFile(path_ / name, SerializeShallow(kept));
    if (!changed) return changed;
  }
  return {};
}

Status Staging::ForgetShallow() {
  return RemoveTree(path_ / "shallow");
}

Status Staging::Replace(const std::vector<std::string>& pack_names) {
  std::string text;
  for (const std::string& name : pack_names) text += name + "\n";
  return WriteFile(path_ / kReplaced, text);
}

std::vector<std::string> Staging::replaced() const {
  std::vector<std::string> names;
  const auto text = ReadFile(path_ / kReplaced);
  if (!text) return names;
  for (const std::string_view line : Split(*text, '\n')) {
    if (!line.empty()) names.emplace_back(line);
  }
  return names;
}

Status Staging::Seal() {
  for (const char* name : {"shallow", kShallowBefore, kReplaced}) {
    auto synced = SyncFile(path_ / name);
    if (!synced && synced.error().code != Errc::kNotFound) return synced;
  }
  for (const char* directory : {"objects/pack", "objects/info"}) {
    if (auto synced = SyncDirectory(path_ / directory); !synced) return synced;
  }
  if (auto written = WriteFile(path_ / kSealed, ""); !written) return written;
  return SyncDirectory(path_);
}

std::set<Oid> Staging::shallow_before() const {
  return ReadShallowFile(path_ / kShallowBefore);
}

std::set<Oid> Staging::shallow_after() const {
  return ReadShallowFile(path_ / "shallow");
}

}  // namespace reposfs
