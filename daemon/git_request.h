// What a git client asks of the HTTP interface: which repository, which part of it, and who asks
// (gitprotocol-http(5)).
//
// Thread-safety: plain values and pure functions.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "cache/origin.h"
#include "cache/repository_key.h"
#include "cache/upload_request.h"
#include "daemon/http_server.h"

namespace reposfs {

enum class GitResource {
  kAdvertisement,  // GET  info/refs?service=git-upload-pack
  kUploadPack,     // POST git-upload-pack
  kBundle,         // GET  clone.bundle
  kReceivePack,    // What a push asks for.
  kDumb,           // What a client without the smart protocol asks for.
};

struct GitRequest {
  GitResource resource = GitResource::kDumb;
  RepositoryKey key;
  UploadVersion version = UploadVersion::kZero;
  bool is_peer = false;         // Another node of the ring.
  bool only_if_cached = false;  // It must not cause a fetch.
  // How long ago the host may have said what the refs are.
  std::optional<std::chrono::seconds> age_max;
};

// Whether `path` is one of git's: /HOST/OWNER/NAME[.git]/{info/refs,git-upload-pack,...}.
bool IsGitPath(std::string_view path);

// Each part of the path is decoded once, and checked after that.
// Errors: kInvalidArgument for what no repository could be called; kNotFound for a host that is not
// configured.  REQUIRES: IsGitPath(request.path).
Result<GitRequest> ParseGitRequest(const HttpRequest& request, const Origin& origin);

// Whether `request` shows the secret `token`: as bearer, or as the password of basic
// authentication, whatever the user's name, which is what git's credential helpers can give.
// Takes the same time for every wrong one.
bool ShowsToken(const HttpRequest& request, std::string_view token);

}  // namespace reposfs
