// What a git object is, wherever it comes from.
#pragma once

#include <cstdint>
#include <string>

namespace reposfs {

enum class ObjectType : std::uint8_t { kCommit, kTree, kBlob, kTag };

struct Object {
  ObjectType type;
  std::string content;
};

}  // namespace reposfs
