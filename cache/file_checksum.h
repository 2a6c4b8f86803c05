// The SHA-1 that git puts at the end of its files.
//
// It guards against damage, not against malice: object ids do that (cache/object_hash.h).
//
// Thread-safety: an object is used by one thread at a time.
#pragma once

#include <memory>
#include <string_view>

#include "cache/oid.h"

struct evp_md_ctx_st;

namespace reposfs {

class FileChecksum {
 public:
  FileChecksum();
  ~FileChecksum();
  FileChecksum(const FileChecksum&) = delete;
  FileChecksum& operator=(const FileChecksum&) = delete;

  void Add(std::string_view bytes);

  // Of all that was added.  Nothing may be added after it.
  Oid Finish();

 private:
  evp_md_ctx_st* const context_;
};

}  // namespace reposfs
