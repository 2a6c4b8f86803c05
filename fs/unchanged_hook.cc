#include "fs/unchanged_hook.h"

#include <vector>

#include "cache/tree.h"

namespace reposfs {
namespace {

constexpr char kNamePrefix[] = "reposfs-unchanged-";

}  // namespace

std::string UnchangedHookCommand() {
  // git calls it in the work tree, with the version of its protocol and the token as arguments, and
  // adds "$@" to what a shell runs: hence the '#'.  Mount points are written with escapes, so a
  // path that would need one is not looked for but refused.  grep that can't read prints no 0.
  return "cd -P . && case $PWD in *[!A-Za-z0-9/@%._+:,=-]*) exit 1 ;; esac && "
         "test -e \".git/" +
         std::string(kNamePrefix) +
         "$2-$(stat -c %d .)\" && "
         "test \"$(grep -cF \" $PWD/\" /proc/self/mountinfo)\" = 0 && printf '%s\\0' \"$2\" #";
}

std::string UnchangedToken(const View& view) {
  const InodeIdentity identity = view.identity();
  return std::to_string(identity.number) + "." + std::to_string(identity.check);
}

std::string UnchangedName(const View& view) {
  if (view.mount().device == 0) return "";
  return kNamePrefix + UnchangedToken(view) + "-" + std::to_string(view.mount().device);
}

Outcome<bool> HasHook(View& view) {
  Outcome<Commit> commit = view.commit();
  if (!commit.has_value()) return commit.As<bool>();
  if (commit.value().tree.IsNull() || view.mount().device == 0) return false;
  Outcome<Target> target = view.target();
  if (!target.has_value()) return target.As<bool>();
  std::size_t entry_count = 0;
  std::vector<Oid> pending = {commit.value().tree};
  while (!pending.empty()) {
    const Oid tree = pending.back();
    pending.pop_back();
    Outcome<DirectoryPtr> read =
        view.cache().ReadDirectory(target.value(), tree, Sizes::kNotNeeded);
    if (!read.has_value()) return read.As<bool>();
    for (const TreeEntry& entry : read.value()->entries) {
      if (++entry_count >= kHookEntryCountMin) return true;
      if (entry.type == EntryType::kDirectory) pending.push_back(entry.oid);
    }
  }
  return false;
}

}  // namespace reposfs
