#include "cache/tree.h"

#include <algorithm>

#include "base/text.h"

namespace reposfs {
namespace {

constexpr std::size_t kNameSizeMax = 255;

// `name` without the code points that HFS+ ignores (git's next_hfs_char()).
std::string WithoutIgnoredCodePoints(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size();) {
    const std::string_view three = name.substr(i, 3);
    const bool ignored = (three.size() == 3 && three[0] == '\xe2' && three[1] == '\x80' &&
                          ((three[2] >= '\x8c' && three[2] <= '\x8f') ||
                           (three[2] >= '\xaa' && three[2] <= '\xae'))) ||
                         (three.size() == 3 && three[0] == '\xe2' && three[1] == '\x81' &&
                          three[2] >= '\xaa' && three[2] <= '\xaf') ||
                         three == "\xef\xbb\xbf";
    if (ignored) {
      i += 3;
    } else {
      out += name[i++];
    }
  }
  return out;
}

std::string_view WhyHidden(std::string_view name) {
  if (name.empty()) return "it has no name";
  if (name == "." || name == "..") return "it would name another directory";
  if (name.find('/') != std::string_view::npos) return "its name contains a slash";
  if (name.size() > kNameSizeMax) return "its name is longer than 255 bytes";
  if (IsDotGitInDisguise(name)) return "it would pose as .git";
  return {};
}

EntryType TypeOf(std::uint32_t mode) {
  switch (mode & 0170000) {
    case 0040000:
      return EntryType::kDirectory;
    case 0120000:
      return EntryType::kSymlink;
    case 0160000:
      return EntryType::kSubmodule;
    default:
      return (mode & 0100) != 0 ? EntryType::kExecutable : EntryType::kFile;
  }
}

// Takes one entry off the front of `content`.  Returns false if there is none.
bool TakeEntry(std::string_view& content, std::uint32_t& mode, std::string_view& name, Oid& oid) {
  mode = 0;
  std::size_t i = 0;
  for (; i < content.size() && content[i] >= '0' && content[i] <= '7'; ++i) {
    mode = mode * 8 + static_cast<std::uint32_t>(content[i] - '0');
  }
  if (i == 0 || i > 8 || i >= content.size() || content[i] != ' ') return false;
  content.remove_prefix(i + 1);
  const std::size_t end = content.find('\0');
  if (end == std::string_view::npos || content.size() - end - 1 < Oid::kSize) return false;
  name = content.substr(0, end);
  oid = Oid::FromRaw(content.data() + end + 1);
  content.remove_prefix(end + 1 + Oid::kSize);
  return true;
}

// How many there are, or fewer if they are malformed.
std::size_t CountEntries(std::string_view content) {
  std::size_t count = 0;
  while (true) {
    const std::size_t end = content.find('\0');
    if (end == std::string_view::npos || content.size() - end - 1 < Oid::kSize) return count;
    content.remove_prefix(end + 1 + Oid::kSize);
    ++count;
  }
}

}  // namespace

bool IsDotGitInDisguise(std::string_view name) {
  // Nearly all names are none by what they begin with, also if that is to be ignored.
  constexpr std::string_view kBegins(".gG\xe2\xef");
  if (name.empty() || kBegins.find(name.front()) == std::string_view::npos) return false;
  std::string lower = AsciiLower(WithoutIgnoredCodePoints(name));
  lower = lower.substr(0, lower.find_first_of(":\\"));
  while (!lower.empty() && (lower.back() == ' ' || lower.back() == '.')) lower.pop_back();
  return lower == ".git" || lower == "git~1";
}

Result<Tree> ParseTree(std::string_view content) {
  Tree tree;
  tree.entries.reserve(CountEntries(content));
  while (!content.empty()) {
    std::uint32_t mode;
    std::string_view name;
    Oid oid;
    if (!TakeEntry(content, mode, name, oid)) return Error{Errc::kCorrupt, "malformed tree"};
    if (const std::string_view reason = WhyHidden(name); !reason.empty()) {
      tree.hidden.push_back(HiddenEntry{std::string(name), oid, reason});
    } else {
      tree.entries.push_back(TreeEntry{std::string(name), oid, TypeOf(mode)});
    }
  }
  const auto by_name = [](const TreeEntry& a, const TreeEntry& b) { return a.name < b.name; };
  std::stable_sort(tree.entries.begin(), tree.entries.end(), by_name);
  const auto first_kept = [&](const TreeEntry& a, const TreeEntry& b) {
    if (a.name != b.name) return false;
    tree.hidden.push_back(HiddenEntry{b.name, b.oid, "another entry has the same name"});
    return true;
  };
  tree.entries.erase(std::unique(tree.entries.begin(), tree.entries.end(), first_kept),
                     tree.entries.end());
  return tree;
}

}  // namespace reposfs
