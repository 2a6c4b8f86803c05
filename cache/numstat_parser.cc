#include "cache/numstat_parser.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"

namespace reposfs {
namespace {

Error Malformed(std::string_view token) {
  return Error{Errc::kCorrupt,
               "git log: not understood: \"" + Printable(token.substr(0, 80)) + "\""};
}

std::int64_t NumberOf(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// "-0130" is -90.
int OffsetOf(std::string_view text) {
  if (text.empty()) return 0;
  const std::int64_t digits = std::clamp<std::int64_t>(NumberOf(text.substr(1)), 0, 9999);
  const auto minutes = static_cast<int>(digits / 100 * 60 + digits % 100);
  return text.front() == '-' ? -minutes : minutes;
}

// Never in the middle of a character.
std::string CutTo(std::string_view text, std::size_t size_max_bytes) {
  if (text.size() <= size_max_bytes) return std::string(text);
  std::size_t size = size_max_bytes;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return std::string(text.substr(0, size));
}

std::optional<std::int64_t> LinesOf(std::string_view text) {
  if (text == "-") return std::nullopt;
  return NumberOf(text);
}

}  // namespace

Status NumstatParser::Feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\0');
    const std::string_view part = bytes.substr(0, end);
    token_size_bytes_ += part.size();
    token_ += part.substr(0, kTokenMaxBytes - token_.size());
    if (end == std::string_view::npos) return {};
    bytes.remove_prefix(end + 1);
    if (auto taken = TakeToken(); !taken) return taken;
    token_.clear();
    token_size_bytes_ = 0;
  }
  return {};
}

Status NumstatParser::Finish() {
  const bool in_between = expected_ == Expected::kCommit || expected_ == Expected::kAny;
  if (!in_between || token_size_bytes_ != 0) return Malformed("the end");
  return has_commit_ ? Deliver() : Status();
}

Status NumstatParser::TakeToken() {
  constexpr std::size_t kParentSize = Oid::kHexSize + 1;
  switch (std::exchange(expected_, static_cast<Expected>(static_cast<int>(expected_) + 1))) {
    case Expected::kCommit:
      return BeginCommit(token_);
    case Expected::kParents:
      commit_.parent_count = static_cast<std::int64_t>((token_size_bytes_ + 1) / kParentSize);
      return {};
    case Expected::kName:
      commit_.author.name = CutTo(token_, kNameMaxBytes);
      return {};
    case Expected::kEmail:
      commit_.author.email = CutTo(token_, kNameMaxBytes);
      return {};
    case Expected::kAuthored:
      commit_.authored_at_s = NumberOf(token_);
      commit_.author_offset_minutes = OffsetOf(
          std::string_view(token_).substr(std::min(token_.find(' '), token_.size() - 1) + 1));
      return {};
    case Expected::kCommitted:
      commit_.committed_at_s = NumberOf(token_);
      return {};
    case Expected::kSubject:
      commit_.subject = CutTo(token_, kSubjectMaxBytes);
      return {};
    case Expected::kAny:
      expected_ = Expected::kAny;
      return TakeCommitOrFile();
    case Expected::kOldPath:
      return {};
    case Expected::kNewPath:
      expected_ = Expected::kAny;
      AddFile(token_);
      return {};
  }
  return {};
}

Status NumstatParser::TakeCommitOrFile() {
  std::string_view token = token_;
  if (token.starts_with('c')) return BeginCommit(token);
  if (token.starts_with('\n')) token.remove_prefix(1);
  return TakeNumbers(token);
}

Status NumstatParser::BeginCommit(std::string_view token) {
  if (has_commit_) {
    if (auto delivered = Deliver(); !delivered) return delivered;
  }
  const auto oid = token.starts_with('c') ? Oid::FromHex(token.substr(1)) : std::nullopt;
  if (!oid) return Malformed(token);
  commit_ = CommitFacts{};
  commit_.oid = *oid;
  has_commit_ = true;
  expected_ = Expected::kParents;
  return {};
}

Status NumstatParser::TakeNumbers(std::string_view token) {
  const std::size_t first = token.find('\t');
  const std::size_t second = first == token.npos ? token.npos : token.find('\t', first + 1);
  if (second == token.npos) return Malformed(token);
  file_.added = LinesOf(token.substr(0, first));
  file_.deleted = LinesOf(token.substr(first + 1, second - first - 1));
  if (second + 1 == token.size()) {
    expected_ = Expected::kOldPath;
  } else {
    AddFile(token.substr(second + 1));
  }
  return {};
}

void NumstatParser::AddFile(std::string_view path) {
  ++commit_.file_count;
  commit_.added += file_.added.value_or(0);
  commit_.deleted += file_.deleted.value_or(0);
  if (commit_.files.size() >= kListedFilesMax) return;
  file_.path = path;
  commit_.files.push_back(std::move(file_));
  file_ = FileChange{};
}

Status NumstatParser::Deliver() {
  has_commit_ = false;
  return on_commit_(std::move(commit_));
}

}  // namespace reposfs
