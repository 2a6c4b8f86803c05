// Where a repository may be fetched from.
//
// The cache asks an Origin and does not know who answers: a single machine names the upstream only,
// a ring names the repository's owners before it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/options.h"
#include "cache/repository_key.h"

namespace reposfs {

struct Source {
  std::string url;  // Never holds credentials.
  HostOptions host;
};

// The part of `url` that names the server: "https://example.org:8443".
std::string_view OriginOf(std::string_view url);

// Thread-safety: every method may be called from any thread.
class Origin {
 public:
  virtual ~Origin() = default;

  virtual std::vector<std::string> Hosts() const = 0;

  // Nothing if the host is not configured.
  virtual std::optional<HostOptions> HostOf(const std::string& host) const = 0;

  // The best first; empty if the host is not configured.
  virtual std::vector<Source> SourcesOf(const RepositoryKey& key) const = 0;
};

// Names the git host itself, as the configuration says.
class UpstreamOrigin final : public Origin {
 public:
  explicit UpstreamOrigin(std::map<std::string, HostOptions> hosts) : hosts_(std::move(hosts)) {}

  std::vector<std::string> Hosts() const override;
  std::optional<HostOptions> HostOf(const std::string& host) const override;
  std::vector<Source> SourcesOf(const RepositoryKey& key) const override;

 private:
  const std::map<std::string, HostOptions> hosts_;
};

}  // namespace reposfs
