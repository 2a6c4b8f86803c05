#include "fs/git_index_extensions.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "cache/file_checksum.h"
#include "cache/object_hash.h"

namespace reposfs {
namespace {

constexpr std::size_t kStatSize = 36;
// What `git status` looks for: other directories, but not empty ones.
constexpr std::uint32_t kDirectoryFlags = 0x2 | 0x4;
constexpr std::size_t kWordBits = 64;

void Append64(std::string& out, std::uint64_t value) {
  Append32(out, value >> 32);
  Append32(out, value);
}

// git's variable-length numbers, in which no number has two forms.
void AppendVarint(std::string& out, std::uint64_t value) {
  std::array<char, 10> digits{};
  std::size_t begin = digits.size() - 1;
  digits[begin] = static_cast<char>(value & 0x7f);
  while (value >>= 7) digits[--begin] = static_cast<char>(0x80 | (--value & 0x7f));
  out.append(digits.data() + begin, digits.size() - begin);
}

// An EWAH bitmap that is not compressed: one marker, then all words as they are.
void AppendBitmap(std::string& out, const std::vector<bool>& bits) {
  constexpr int kLiteralCountShift = 33;  // In the marker, after the bit and length of a run.
  const std::size_t word_count = (bits.size() + kWordBits - 1) / kWordBits;
  Append32(out, bits.size());
  Append32(out, word_count + 1);
  Append64(out, static_cast<std::uint64_t>(word_count) << kLiteralCountShift);
  for (std::size_t word = 0; word < word_count; ++word) {
    const std::size_t end = std::min(bits.size(), (word + 1) * kWordBits);
    std::uint64_t value = 0;
    for (std::size_t i = word * kWordBits; i < end; ++i) {
      if (bits[i]) value |= std::uint64_t{1} << (i % kWordBits);
    }
    Append64(out, value);
  }
  Append32(out, 0);  // Where the last marker is.
}

// git hashes an exclude file with one more newline than it has.
Oid ExcludeOid(std::string_view text) {
  const auto oid = HashObject(ObjectType::kBlob, std::string(text) + "\n");
  assert(oid);  // The text is ours.
  return *oid;
}

}  // namespace

void Append32(std::string& out, std::uint64_t value) {
  const auto low = static_cast<std::uint32_t>(value);
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>((low >> shift) & 0xff);
}

void AppendOid(std::string& out, const Oid& oid) {
  out.append(reinterpret_cast<const char*>(oid.bytes.data()), oid.bytes.size());
}

void AppendExtension(std::string& out, std::string_view signature, std::string_view content) {
  assert(signature.size() == 4);
  out += signature;
  Append32(out, content.size());
  out += content;
}

std::string FsmonitorExtension(std::string_view token) {
  constexpr std::uint32_t kVersion = 2;
  std::string changed;
  AppendBitmap(changed, {});
  std::string out;
  Append32(out, kVersion);
  out += token;
  out += '\0';
  Append32(out, changed.size());
  return out + changed;
}

void EntryBlocks::Add(std::size_t offset) {
  constexpr std::size_t kBlockEntryCount = 10'000;  // git starts a thread for so many.
  if (blocks_.empty() || blocks_.back().entry_count == kBlockEntryCount) {
    blocks_.push_back(Block{offset, 0});
  }
  ++blocks_.back().entry_count;
}

std::string EntryBlocks::Extension() const {
  constexpr std::uint32_t kVersion = 1;
  std::string out;
  Append32(out, kVersion);
  for (const Block& block : blocks_) {
    Append32(out, block.offset);
    Append32(out, block.entry_count);
  }
  return out;
}

std::string EndOfEntriesExtension(std::size_t entries_end, std::string_view extensions) {
  constexpr std::size_t kHeaderSize = 8;
  constexpr std::size_t kLengthBegin = 4;
  std::string headers;
  while (extensions.size() >= kHeaderSize) {
    headers += extensions.substr(0, kHeaderSize);
    std::size_t size = 0;
    for (std::size_t i = kLengthBegin; i < kHeaderSize; ++i) {
      size = size << 8 | static_cast<unsigned char>(extensions[i]);
    }
    assert(kHeaderSize + size <= extensions.size());
    extensions.remove_prefix(kHeaderSize + size);
  }
  FileChecksum checksum;
  checksum.Add(headers);
  std::string out;
  Append32(out, entries_end);
  AppendOid(out, checksum.Finish());
  return out;
}

std::size_t DirectoryList::Add(std::string name, std::size_t parent, const Oid& ignore) {
  const std::size_t index = entries_.size();
  assert(index == 0 || parent < index);
  entries_.push_back(Entry{std::move(name), ignore, {}});
  if (index != 0) entries_[parent].children.push_back(index);
  return index;
}

std::vector<const DirectoryList::Entry*> DirectoryList::InOrder() const {
  std::vector<const Entry*> ordered;
  std::vector<const Entry*> pending;
  if (!entries_.empty()) pending.push_back(&entries_.front());
  while (!pending.empty()) {
    const Entry* entry = pending.back();
    pending.pop_back();
    ordered.push_back(entry);
    const std::size_t begin = pending.size();
    for (const std::size_t child : entry->children) pending.push_back(&entries_[child]);
    std::sort(pending.begin() + static_cast<std::ptrdiff_t>(begin), pending.end(),
              [](const Entry* a, const Entry* b) { return a->name > b->name; });
  }
  return ordered;
}

std::string DirectoryList::UntrackedExtension(std::string_view location,
                                              std::string_view exclude) const {
  const std::string where = "Location " + std::string(location) + ", system Linux" + '\0';
  std::string out;
  AppendVarint(out, where.size());
  out += where;
  out.append(2 * kStatSize, '\0');  // Of info/exclude and of the user's own file.
  Append32(out, kDirectoryFlags);
  AppendOid(out, ExcludeOid(exclude));
  AppendOid(out, Oid{});  // The user has no file of their own; if there is one, git looks again.
  out += ".gitignore";
  out += '\0';
  const std::vector<const Entry*> ordered = InOrder();
  AppendVarint(out, ordered.size());
  std::vector<bool> has_ignore;
  std::string ignores;
  for (const Entry* entry : ordered) {
    AppendVarint(out, 0);  // Untracked names.
    AppendVarint(out, entry->children.size());
    out += entry->name;
    out += '\0';
    has_ignore.push_back(!entry->ignore.IsNull());
    if (has_ignore.back()) AppendOid(ignores, entry->ignore);
  }
  AppendBitmap(out, std::vector<bool>(ordered.size(), true));  // Which are valid.
  AppendBitmap(out, {});                                       // Which were only looked into.
  AppendBitmap(out, has_ignore);
  out.append(ordered.size() * kStatSize, '\0');
  return out + ignores + '\0';
}

}  // namespace reposfs
