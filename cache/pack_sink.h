// Where an arriving pack goes: the seam between a transfer and what indexes it.
//
// A Transport receives a pack in pieces and knows nothing about packs; a PackSink checks and
// indexes it and knows nothing about networks.  The two overlap: a sink works on a piece while the
// next one is on its way.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "cache/object.h"

namespace reposfs {

struct PackSinkRequest {
  // A staging repository (cache/staging.h).  Its `shallow` is what it will be after the transfer.
  std::filesystem::path staging;
  // Called about 20 times a second, on the thread that called the sink, while a call of the sink
  // blocks; a failure ends the call and becomes its result.
  std::function<Status()> keep_going;
  // Called in Add() for commits and trees that come whole, not as deltas.  May be empty.
  ObjectListener on_object = {};
};

// Thread-safety: none; one thread calls, which need not be the one that made the sink.
//
//   Add()* --> Finish() --> destroyed     The pack is in the staging.
//      |          |
//      +----------+-------> destroyed     A call failed, or Finish() was never called: nothing of
//                                         the pack stays in the staging, and nothing runs on.
//
// Errors of every call: kCorrupt (this is no pack, or it breaks the rules for objects that arrive),
// kNoSpace (disk, or the memory that one transfer may use), kIo, and those of `keep_going`.  A sink
// that has failed is not called again.
class PackSink {
 public:
  virtual ~PackSink() = default;

  // Takes the next bytes of the pack, which may be any number, and begin and end anywhere.  Blocks
  // while the sink is too far behind.  `bytes` need not outlive the call.
  virtual Status Add(std::string_view bytes) = 0;

  // The pack ends here.  On success it was whole, its checksum and its objects have been checked,
  // what a thin pack left out has been added from the objects that the staging borrows, and
  // pack-<hash>.pack, .idx and perhaps .rev are in the staging's objects/pack.
  virtual Status Finish() = 0;

  // How many objects have arrived; may lag behind Add().
  virtual std::uint64_t object_count() const = 0;
};

using PackSinkOpener = std::function<Result<std::unique_ptr<PackSink>>(const PackSinkRequest&)>;

}  // namespace reposfs
