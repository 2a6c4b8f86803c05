// Inflating a zlib stream in pieces, of input and of output.
//
// Slower than Inflate() (cache/inflate.h), which needs all of both in memory at once and can't tell
// a stream that has not arrived whole from a broken one.
//
// Thread-safety: an object is used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace reposfs {

class StreamInflater {
 public:
  // The stream must inflate to exactly `size_bytes`.
  explicit StreamInflater(std::uint64_t size_bytes);
  ~StreamInflater();
  StreamInflater(const StreamInflater&) = delete;
  StreamInflater& operator=(const StreamInflater&) = delete;

  struct Step {
    std::size_t consumed_bytes;
    std::size_t produced_bytes;
  };
  // Goes on with `input`, as far as there is room at `out`.  A step that consumes and produces
  // nothing needs more input.  Errors: kCorrupt, also for more or less content than declared.
  Result<Step> Inflate(std::string_view input, char* out, std::size_t room_bytes);

  bool done() const { return done_; }

 private:
  struct Zlib;

  const std::unique_ptr<Zlib> zlib_;
  std::uint64_t rest_bytes_;
  bool done_ = false;
};

}  // namespace reposfs
