// What a git object is, wherever it comes from.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace reposfs {

enum class ObjectType : std::uint8_t { kCommit, kTree, kBlob, kTag };

struct Object {
  ObjectType type;
  std::string content;
};

// Hears of objects of a pack that is still arriving, in the order in which they come.  Nothing has
// been checked yet but that they inflate.  `content` does not outlive the call.
using ObjectListener = std::function<void(ObjectType type, std::string_view content)>;

}  // namespace reposfs
