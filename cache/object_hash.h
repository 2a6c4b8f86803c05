// Object ids: SHA-1 that detects collisions.
//
// A pack is stored under the ids that are computed here, so somebody who makes two objects of one
// id could show different content to different machines.  Every block is therefore checked for the
// known ways to make such a pair, as git does it.  Debian has no library of that but the one inside
// libgit2, which is what this wraps; OpenSSL's SHA-1 is twice as fast and checks nothing.
//
// Thread-safety: functions may be called from any thread; an object belongs to one.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "cache/object.h"
#include "cache/oid.h"

namespace reposfs {

// The id of an object that comes in pieces.
class ObjectHasher {
 public:
  ObjectHasher(ObjectType type, std::uint64_t size_bytes);
  ~ObjectHasher();
  ObjectHasher(const ObjectHasher&) = delete;
  ObjectHasher& operator=(const ObjectHasher&) = delete;

  void Add(std::string_view bytes);

  // Nothing may be added after it.  Errors: kCorrupt if the object is part of a collision attack,
  // or has not the size that was announced.
  Result<Oid> Finish();

 private:
  struct Stream;

  const std::unique_ptr<Stream> stream_;
};

// Errors: as ObjectHasher::Finish().
Result<Oid> HashObject(ObjectType type, std::string_view content);

}  // namespace reposfs
