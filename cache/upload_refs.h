// What we tell a git client that fetches from this cache before it asks for objects
// (gitprotocol-v2(5), gitprotocol-pack(5)): made from a RefSnapshot, without a git process.
//
// Thread-safety: the functions may be called from any thread.
#pragma once

#include <string>

#include "cache/refs.h"
#include "cache/upload_request.h"

namespace reposfs {

// What our upload-pack can do, for `GET info/refs` of version 2: says nothing of any repository.
std::string UploadCapabilities();

// The same for version 0, and all refs.
std::string UploadAdvertisement(const RefSnapshot& refs);

// The answer to `ls-refs`.
std::string LsRefsAnswer(const RefSnapshot& refs, const LsRefsArguments& asked);

// A line that ends the client with `text`, whatever it has asked.
std::string UploadFailure(std::string_view text);

}  // namespace reposfs
