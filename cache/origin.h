// Where a repository may be fetched from.
//
// The cache asks an Origin and does not know who answers: a single machine names the upstream only,
// a ring names the repository's owners before it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cache/options.h"
#include "cache/repository_key.h"

namespace reposfs {

// How a node of the ring is asked that holds repositories of a git host.  Nothing of the user's git
// configuration is for it: neither settings nor credentials.
struct PeerAccess {
  std::string node;
  std::vector<std::string> headers;  // Who asks: "Authorization: Bearer ...".
  std::string ca_file;               // Of TLS; empty for what the system has.
  std::string certificate_file;
  std::string key_file;
  // It shall answer from its disk, and ask nobody itself.
  bool only_if_cached = false;
  // How old its knowledge of the refs may be; it asks the git host if it is older.
  milliseconds refs_age_max{0};
  bool any_age = false;                    // However old it is, and whatever stands above.
  std::uint64_t bytes_per_second_max = 0;  // 0: no limit.
};

struct Source {
  std::string url;  // Never holds credentials.
  HostOptions host;
  std::optional<PeerAccess> peer = std::nullopt;  // Not set: it is the git host itself.
  // Called before requests are sent there, with their number; may wait for their turn, and calls
  // `keep_going` meanwhile.  Empty: nobody counts them.
  std::function<Status(int count, const std::function<Status()>& keep_going)> before_requests =
      nullptr;

  Status AwaitTurn(int count, const std::function<Status()>& keep_going) const {
    return before_requests ? before_requests(count, keep_going) : Status();
  }
};

// The part of `url` that names the server: "https://example.org:8443".
std::string_view OriginOf(std::string_view url);

// What a source is asked for.
enum class Wanted {
  kRefs,       // What there is now: only who is fresh can tell.
  kFirstRefs,  // The same of a repository of which nothing is here; perhaps a peer has all of it.
  kHostRefs,   // The same as kRefs, of the git host itself: what a peer said was not so.
  kObjects,    // What has a name that never changes: whoever has it.
};

// Thread-safety: every method may be called from any thread.
class Origin {
 public:
  virtual ~Origin() = default;

  virtual std::vector<std::string> Hosts() const = 0;

  // Nothing if the host is not configured.
  virtual std::optional<HostOptions> HostOf(const std::string& host) const = 0;

  // The best first, the git host itself last; empty if the host is not configured.
  virtual std::vector<Source> SourcesOf(const RepositoryKey& key, Wanted wanted) const = 0;

  // Whether this machine is to have all of `key` once somebody has asked for it.  If not, it gets
  // what its users touch, and others have the rest.
  virtual bool Keeps(const RepositoryKey& /*key*/) const { return true; }

  // What other machines have on their disks, to be listed here.
  virtual std::vector<RepositoryKey> KnownElsewhere() const { return {}; }
  // Counts up whenever that has changed.
  virtual std::uint64_t known_version() const { return 0; }

  // What keeps other machines from fetching the same from the git host at the same time.
  struct HostTurn {
    std::shared_ptr<void> held;  // As long as this lives.
    bool waited = false;         // For others, who may have got it meanwhile.
  };
  // Waits for it while `keep_going` allows it.  Empty where nobody else would fetch it, or nobody
  // can say.  Errors: those of `keep_going`.
  virtual Result<HostTurn> AwaitHostTurn(const RepositoryKey& /*key*/,
                                         const std::function<Status()>& /*keep_going*/) const {
    return HostTurn{};
  }

  // What `source`, a peer, has been asked for has come after `took`, or why it has not.
  virtual void NoteAnswer(const Source& /*source*/, const Status& /*answer*/,
                          milliseconds /*took*/) const {}

  // After what time of silence of `source`, a peer, the next peer should be asked as well; not set:
  // not at all.
  virtual std::optional<milliseconds> HedgeAfter(const Source& /*source*/) const {
    return std::nullopt;
  }

  // Whether to wait on for `source`, a peer that has been silent for so long.  Asked about 20 times
  // a second.  Errors: kTimedOut.
  virtual Status MayWait(const Source& /*source*/, milliseconds /*silent_for*/) const { return {}; }
};

// Names the git host itself, as the configuration says.
class UpstreamOrigin final : public Origin {
 public:
  explicit UpstreamOrigin(std::map<std::string, HostOptions> hosts) : hosts_(std::move(hosts)) {}

  std::vector<std::string> Hosts() const override;
  std::optional<HostOptions> HostOf(const std::string& host) const override;
  std::vector<Source> SourcesOf(const RepositoryKey& key, Wanted wanted) const override;

 private:
  const std::map<std::string, HostOptions> hosts_;
};

}  // namespace reposfs
