#include "cache/object_check.h"

#include <string>

#include "cache/oid.h"

namespace reposfs {
namespace {

Error Bad(std::string_view why) {
  return Error{Errc::kCorrupt, std::string(why)};
}

// Up to the empty line that ends the headers, or the end, there must be no NUL; without an empty
// line the last header must end in a newline.
Status CheckHeaders(std::string_view content) {
  const std::size_t end = content.find("\n\n");
  if (content.substr(0, end).find('\0') != std::string_view::npos) {
    return Bad("unterminated header: it contains NUL");
  }
  if (end == std::string_view::npos && !content.ends_with('\n')) return Bad("unterminated header");
  return {};
}

bool Take(std::string_view& rest, std::string_view prefix) {
  if (!rest.starts_with(prefix)) return false;
  rest.remove_prefix(prefix.size());
  return true;
}

bool TakeIdLine(std::string_view& rest) {
  if (rest.size() <= Oid::kHexSize || rest[Oid::kHexSize] != '\n' ||
      !Oid::FromHex(rest.substr(0, Oid::kHexSize))) {
    return false;
  }
  rest.remove_prefix(Oid::kHexSize + 1);
  return true;
}

void SkipLine(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
}

Status CheckCommit(std::string_view rest) {
  if (auto headers = CheckHeaders(rest); !headers) return headers;
  if (!Take(rest, "tree ")) return Bad("no tree");
  if (!TakeIdLine(rest)) return Bad("the id of its tree is malformed");
  while (Take(rest, "parent ")) {
    if (!TakeIdLine(rest)) return Bad("the id of a parent is malformed");
  }
  if (!rest.starts_with("author ")) return Bad("no author");
  while (Take(rest, "author ")) SkipLine(rest);
  if (!rest.starts_with("committer ")) return Bad("no committer");
  return {};
}

Status CheckTag(std::string_view rest) {
  if (auto headers = CheckHeaders(rest); !headers) return headers;
  if (!Take(rest, "object ")) return Bad("no object");
  if (!TakeIdLine(rest)) return Bad("the id of its object is malformed");
  if (!Take(rest, "type ")) return Bad("no type");
  const std::string_view type = rest.substr(0, rest.find('\n'));
  if (type != "commit" && type != "tree" && type != "blob" && type != "tag") {
    return Bad("it tags an unknown type");
  }
  SkipLine(rest);
  if (!Take(rest, "tag ")) return Bad("no name");
  if (rest.find('\n') == std::string_view::npos) return Bad("no name");
  return {};
}

Status CheckTree(std::string_view rest) {
  while (!rest.empty()) {
    const std::size_t mode_end = rest.find_first_not_of("01234567");
    if (mode_end == 0 || mode_end == std::string_view::npos || rest[mode_end] != ' ') {
      return Bad("the mode of an entry is malformed");
    }
    rest.remove_prefix(mode_end + 1);
    const std::size_t name_end = rest.find('\0');
    if (name_end == 0) return Bad("an entry without a name");
    if (name_end == std::string_view::npos || rest.size() - name_end - 1 < Oid::kSize) {
      return Bad("it ends inside an entry");
    }
    rest.remove_prefix(name_end + 1 + Oid::kSize);
  }
  return {};
}

}  // namespace

Status CheckObject(ObjectType type, std::string_view content) {
  switch (type) {
    case ObjectType::kCommit:
      if (auto status = CheckCommit(content); !status) return status.error().Within("commit");
      return {};
    case ObjectType::kTag:
      if (auto status = CheckTag(content); !status) return status.error().Within("tag");
      return {};
    case ObjectType::kTree:
      if (auto status = CheckTree(content); !status) return status.error().Within("tree");
      return {};
    case ObjectType::kBlob:
      break;
  }
  return {};
}

}  // namespace reposfs
