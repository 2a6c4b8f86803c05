// A ring of two, as one of them sees it: a peer that is asked before the git host.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cache/origin.h"

namespace reposfs {

// Thread-safety: every method may be called from any thread.
class PeerOrigin final : public Origin {
 public:
  // `peer_url` holds {owner} and {name}, as that of `host`, which is called "h".
  PeerOrigin(HostOptions host, std::string peer_url)
      : host_(std::map<std::string, HostOptions>{{"h", host}}), peer_([&] {
          host.url = std::move(peer_url);
          return UpstreamOrigin(std::map<std::string, HostOptions>{{"h", host}});
        }()) {}

  std::vector<std::string> Hosts() const override { return host_.Hosts(); }
  std::optional<HostOptions> HostOf(const std::string& host) const override {
    return host_.HostOf(host);
  }
  std::vector<Source> SourcesOf(const RepositoryKey& key, Wanted wanted) const override {
    std::vector<Source> sources = host_.SourcesOf(key, wanted);
    if (sources.empty() || wanted == Wanted::kHostRefs) return sources;
    Source peer = peer_.SourcesOf(key, wanted).front();
    peer.peer = PeerAccess{};
    peer.peer->node = "peer";
    peer.peer->any_age = any_age_;
    sources.insert(sources.begin(), std::move(peer));
    return sources;
  }

  // Whether its word on the refs is taken however old it is, as while a repository moves to here.
  void TakeAnyAge() { any_age_ = true; }

 private:
  const UpstreamOrigin host_;
  const UpstreamOrigin peer_;
  std::atomic<bool> any_age_{false};
};

}  // namespace reposfs
