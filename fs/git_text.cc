#include "fs/git_text.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace reposfs {
namespace {

constexpr std::string_view kHeads = "refs/heads/";
constexpr std::string_view kRemoteHeads = "refs/remotes/origin/";

// `value` as it may stand between double quotes in a git configuration file.
std::string Quoted(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    if (c != '\n') out += c;
  }
  return out + '"';
}

}  // namespace

std::string GitHead(const ResolvedRef& shown) {
  if (shown.commit.IsNull()) {
    return "ref: " + (shown.IsBranch() ? shown.full_name : "refs/heads/main") + "\n";
  }
  if (shown.IsBranch()) return "ref: " + shown.full_name + "\n";
  return shown.commit.Hex() + "\n";
}

std::string GitConfig(const ResolvedRef& shown, const std::string& upstream,
                      const std::string& unchanged_hook) {
  std::string text =
      "[core]\n"
      "\trepositoryformatversion = 0\n"
      "\tfilemode = true\n"
      "\tbare = false\n"
      "\tlogallrefupdates = false\n";
  if (!unchanged_hook.empty()) {
    text += "\tfsmonitor = " + Quoted(unchanged_hook) +
            "\n"
            "\tfsmonitorHookVersion = 2\n"
            // In another place git replaces the cache that the index holds, instead of warning.
            "\tuntrackedCache = true\n";
  }
  text +=
      "[gc]\n"
      "\tauto = 0\n"
      "[maintenance]\n"
      "\tauto = false\n"
      "[remote \"origin\"]\n"
      "\turl = " +
      Quoted(upstream) +
      "\n"
      "\tfetch = +refs/heads/*:refs/remotes/origin/*\n";
  if (shown.IsBranch()) {
    const std::string branch = shown.full_name.substr(kHeads.size());
    text += "[branch " + Quoted(branch) +
            "]\n"
            "\tremote = origin\n"
            "\tmerge = " +
            Quoted(shown.full_name) + "\n";
  }
  return text;
}

std::string GitExclude(const std::vector<std::string>& virtual_files) {
  std::string text = "# Made by reposfs; part of no commit.\n";
  for (const std::string& name : virtual_files) text += "/" + name + "\n";
  return text;
}

std::string GitPackedRefs(const ResolvedRef& shown, std::vector<Ref> refs) {
  if (shown.IsBranch() && !shown.commit.IsNull()) {
    std::erase_if(refs, [&](const Ref& ref) { return ref.name == shown.full_name; });
    refs.push_back(Ref{shown.full_name, shown.commit, Oid{}});
  }
  std::vector<Ref> remote;
  for (const Ref& ref : refs) {
    if (!ref.name.starts_with(kHeads)) continue;
    remote.push_back(
        Ref{std::string(kRemoteHeads) + ref.name.substr(kHeads.size()), ref.object, ref.peeled});
  }
  // A branch of this name would be the link refs/remotes/origin/HEAD.
  std::erase_if(remote, [](const Ref& ref) { return ref.name == "refs/remotes/origin/HEAD"; });
  refs.insert(refs.end(), remote.begin(), remote.end());
  std::sort(refs.begin(), refs.end(), [](const Ref& a, const Ref& b) { return a.name < b.name; });

  std::string text = "# pack-refs with: peeled fully-peeled sorted \n";
  for (const Ref& ref : refs) {
    text += ref.object.Hex() + " " + ref.name + "\n";
    if (!ref.peeled.IsNull()) text += "^" + ref.peeled.Hex() + "\n";
  }
  return text;
}

}  // namespace reposfs
