// What we say in git's protocol v2 (gitprotocol-v2(5)): pure text, no network.
//
// Thread-safety: the functions may be called from any thread.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cache/oid.h"
#include "cache/transport.h"

namespace reposfs {

// What a server can do, as far as it matters to us.
struct WireCapabilities {
  bool version2 = false;  // If not, nothing below is known.
  bool agent = false;
  bool unborn = false;        // Of ls-refs: tells the branch of an empty repository.
  bool shallow = false;       // Of fetch.
  bool filter = false;        // Of fetch.
  std::string object_format;  // Empty: an old server, and so SHA-1.
  bool guessed = false;       // The server has not said so.

  // What nearly every server can.  A request made from it is one that every server of version 2
  // understands, but for those that lack a feature of fetch: they refuse it.
  static WireCapabilities Guess();

  // Takes one line of the advertisement, like "fetch=shallow filter".
  void Add(std::string_view line);
  bool operator==(const WireCapabilities&) const = default;
};

// How this program calls itself to servers.
inline constexpr std::string_view kWireAgent = "git/reposfs-" REPOSFS_VERSION;

// Asks for HEAD, branches and tags: all that a view can be named for.
std::string LsRefsRequest(const WireCapabilities& server);

struct WireFetch {
  std::vector<Oid> wants;
  std::vector<Oid> haves;
  std::set<Oid> shallow;  // Commits whose parents are not here.
  FetchDepth depth = FetchDepth::kAsIs;
  bool without_blobs = false;
};

// Asks for the pack at once, without negotiation: what we have is few, and known to the server or
// not.  Of more than kHavesMax only the first are told.  Without `filter` or `shallow` in `server`,
// nothing of that kind is asked for.
std::string FetchMessage(const WireCapabilities& server, const WireFetch& fetch);
inline constexpr std::size_t kHavesMax = 16'384;

}  // namespace reposfs
