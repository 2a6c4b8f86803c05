#include "fs/git_index.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>
#include <vector>

#include "cache/file_checksum.h"
#include "cache/tree.h"
#include "fs/git_index_extensions.h"
#include "fs/git_text.h"
#include "fs/tree_nodes.h"
#include "fs/unchanged_hook.h"
#include "fs/virtual_files.h"

namespace reposfs {
namespace {

constexpr std::size_t kEntryCountMax = 4'000'000;
constexpr int kDepthMax = 4'000;
constexpr std::size_t kHeaderSize = 12;
// Of the index, its cache tree included.
constexpr std::size_t kSizeMaxBytes = 1u << 30;

// As the one who looks into the view spells it; if not, git makes an untracked cache of its own.
std::string WorkTreePath(const View& view) {
  std::string name = view.key().Text();
  if (!view.spelling().empty()) name += '@';
  for (const char c : view.spelling()) {
    if (c == '/' || c == '%') {
      name += c == '/' ? "%2F" : "%25";
    } else {
      name += c;
    }
  }
  return (view.mount().mountpoint / name).string();
}

std::uint32_t IndexMode(EntryType type) {
  switch (type) {
    case EntryType::kExecutable:
      return 0100755;
    case EntryType::kSymlink:
      return 0120000;
    case EntryType::kSubmodule:
      return 0160000;
    default:
      return 0100644;
  }
}

// Writes the entries in the order that git wants: that of whole paths, in which a directory sorts
// as if its name ended in '/'.  Walking each directory in that order gives it without sorting
// paths.
class IndexBuilder {
 public:
  explicit IndexBuilder(const View& view)
      : view_(view),
        modified_s_(static_cast<std::uint64_t>(
            std::chrono::floor<std::chrono::seconds>(view.modified()).time_since_epoch().count())) {
  }

  Outcome<Done> Walk(const Target& target, const Oid& tree, const InodeIdentity& identity,
                     int depth) {
    Outcome<DirectoryPtr> read = view_.cache().ReadDirectory(target, tree, Sizes::kIfHere);
    if (!read.has_value()) return read.As<Done>();
    // All sizes will be needed: better at once than a directory at a time.
    if (!read.value()->has_sizes()) return view_.cache().FetchMissingBlobs(target);
    if (entries_.size() + tree_lines_size_bytes_ > kSizeMaxBytes) {
      return Error{Errc::kUnsupported, "too large for a git index"};
    }
    if (depth > kDepthMax) return Error{Errc::kUnsupported, "too many levels for a git index"};
    const Directory& directory = *read.value();

    const std::size_t tree_line = tree_lines_.size();
    tree_lines_size_bytes_ += sizeof(TreeLine) + path_.size() - NameBegin();
    tree_lines_.push_back(TreeLine{path_.substr(NameBegin()), tree, entry_count_, 0});
    const TreeEntry* ignore = directory.Find(".gitignore");
    const bool has_ignore = ignore != nullptr && (ignore->type == EntryType::kFile ||
                                                  ignore->type == EntryType::kExecutable);
    std::string_view name = tree_lines_[tree_line].name;
    if (name.ends_with('/')) name.remove_suffix(1);
    directory_.push_back(
        directories_.Add(std::string(name), Parent(), has_ignore ? ignore->oid : Oid{}));
    for (const TreeEntry* entry : InIndexOrder(directory)) {
      const InodeIdentity child = IdentityOfEntry(identity, *entry);
      const std::size_t path_size = path_.size();
      path_ += entry->name;
      if (entry->type == EntryType::kDirectory) {
        ++tree_lines_[tree_line].subtree_count;
        name_begin_.push_back(path_size);
        path_ += '/';
        const Outcome<Done> walked = Walk(target, entry->oid, child, depth + 1);
        name_begin_.pop_back();
        if (!walked.has_value()) return walked;
      } else {
        if (entry_count_ == kEntryCountMax) {
          return Error{Errc::kUnsupported, "too many files for a git index"};
        }
        const auto index = static_cast<std::size_t>(entry - directory.entries.data());
        AppendEntry(*entry, directory.sizes_bytes[index], child.number);
      }
      path_.resize(path_size);
    }
    directory_.pop_back();
    tree_lines_[tree_line].entry_count = entry_count_ - tree_lines_[tree_line].entry_count;
    return Done{};
  }

  // `has_hook`: whether the hook of unchanged_hook.h is in the configuration.
  std::string Finish(bool has_hook) {
    std::string index = "DIRC";
    Append32(index, 2);
    Append32(index, entry_count_);
    index += entries_;
    const std::size_t entries_end = index.size();
    if (!blocks_.empty()) AppendExtension(index, "IEOT", blocks_.Extension());
    AppendExtension(index, "TREE", CacheTree());
    if (has_hook) {
      AppendExtension(
          index, "UNTR",
          directories_.UntrackedExtension(WorkTreePath(view_), GitExclude(VirtualFileNames())));
      AppendExtension(index, "FSMN", FsmonitorExtension(UnchangedToken(view_)));
    }
    if (!blocks_.empty()) {
      const auto extensions = std::string_view(index).substr(entries_end);
      AppendExtension(index, "EOIE", EndOfEntriesExtension(entries_end, extensions));
    }
    FileChecksum checksum;
    checksum.Add(index);
    AppendOid(index, checksum.Finish());
    return index;
  }

 private:
  struct TreeLine {
    std::string name;  // With its trailing '/', but for the root.
    Oid oid;
    std::size_t entry_count;
    std::size_t subtree_count;
  };

  std::size_t Parent() const { return directory_.empty() ? 0 : directory_.back(); }
  std::size_t NameBegin() const { return name_begin_.empty() ? 0 : name_begin_.back(); }

  static std::vector<const TreeEntry*> InIndexOrder(const Directory& directory) {
    std::vector<const TreeEntry*> ordered;
    ordered.reserve(directory.entries.size());
    for (const TreeEntry& entry : directory.entries) ordered.push_back(&entry);
    const auto key = [](const TreeEntry* entry) {
      return entry->type == EntryType::kDirectory ? entry->name + '/' : entry->name;
    };
    const bool has_directory =
        std::any_of(directory.entries.begin(), directory.entries.end(),
                    [](const TreeEntry& entry) { return entry.type == EntryType::kDirectory; });
    if (has_directory) {
      std::sort(ordered.begin(), ordered.end(),
                [&](const TreeEntry* a, const TreeEntry* b) { return key(a) < key(b); });
    }
    return ordered;
  }

  void AppendEntry(const TreeEntry& entry, std::uint64_t size_bytes, std::uint64_t ino) {
    const std::size_t begin = entries_.size();
    blocks_.Add(kHeaderSize + begin);
    for (int i = 0; i < 2; ++i) {  // ctime, mtime
      Append32(entries_, modified_s_);
      Append32(entries_, 0);
    }
    Append32(entries_, 0);  // dev, which git does not compare
    Append32(entries_, ino);
    Append32(entries_, IndexMode(entry.type));
    Append32(entries_, view_.mount().uid);
    Append32(entries_, view_.mount().gid);
    Append32(entries_, size_bytes);
    AppendOid(entries_, entry.oid);
    const std::size_t flags = std::min<std::size_t>(path_.size(), 0xfff);
    entries_ += static_cast<char>(flags >> 8);
    entries_ += static_cast<char>(flags & 0xff);
    entries_ += path_;
    const std::size_t size = entries_.size() - begin;
    entries_.append(8 - size % 8, '\0');
    ++entry_count_;
  }

  std::string CacheTree() const {
    std::string extension;
    for (const TreeLine& line : tree_lines_) {
      std::string_view name = line.name;
      if (name.ends_with('/')) name.remove_suffix(1);
      extension += name;
      extension += '\0';
      extension +=
          std::to_string(line.entry_count) + " " + std::to_string(line.subtree_count) + "\n";
      AppendOid(extension, line.oid);
    }
    return extension;
  }

  const View& view_;
  const std::uint64_t modified_s_;
  std::string entries_;
  EntryBlocks blocks_;
  std::size_t entry_count_ = 0;
  std::size_t tree_lines_size_bytes_ = 0;
  std::vector<TreeLine> tree_lines_;  // In the order of the walk, as the extension wants.
  DirectoryList directories_;
  std::vector<std::size_t> directory_;  // Those that are being walked, by their index in the list.
  std::string path_;
  std::vector<std::size_t> name_begin_;
};

}  // namespace

Outcome<std::string> BuildGitIndex(const ViewPtr& view) {
  Outcome<Commit> commit = view->commit();
  if (!commit.has_value()) return commit.As<std::string>();
  IndexBuilder builder(*view);
  if (commit.value().tree.IsNull()) return builder.Finish(false);
  Outcome<Target> target = view->target();
  if (!target.has_value()) return target.As<std::string>();
  const Outcome<Done> walked =
      builder.Walk(target.value(), commit.value().tree, view->identity(), 0);
  if (!walked.has_value()) return walked.As<std::string>();
  const Outcome<bool> has_hook = HasHook(*view);
  if (!has_hook.has_value()) return has_hook.As<std::string>();
  return builder.Finish(*has_hook.result());
}

}  // namespace reposfs
