#include "daemon/mount_command.h"

#include <spdlog/spdlog.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "base/file_util.h"
#include "base/io_engine.h"
#include "base/process.h"
#include "cache/make_transport.h"
#include "daemon/control_api.h"
#include "daemon/git_request.h"
#include "daemon/git_service.h"
#include "daemon/git_service_options.h"
#include "daemon/http_server.h"
#include "daemon/lock_setup.h"
#include "daemon/mount_table.h"
#include "daemon/process_setup.h"
#include "daemon/ring_service.h"
#include "daemon/secret_file.h"
#include "fs/session.h"

namespace reposfs {
namespace {

// What a killed daemon has left: a mount that nobody answers for.  stat() could be answered from
// the kernel's cache; statfs() never is.
Status ClearStaleMount(const std::filesystem::path& mountpoint) {
  struct statfs info {};
  if (::statfs(mountpoint.c_str(), &info) == 0 || errno != ENOTCONN) return {};
  if (::umount2(mountpoint.c_str(), MNT_DETACH) == 0) return {};
  ProcessOptions unmount;
  unmount.argv = {"fusermount3", "-u", "-z", mountpoint.string()};
  unmount.environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  auto result = RunProcess(unmount);
  if (result && result->ok()) return {};
  return Error{Errc::kIo, mountpoint.string() +
                              " is left from a reposfs that has died; run: fusermount3 -uz " +
                              mountpoint.string()};
}

bool Contains(const std::filesystem::path& directory, const std::filesystem::path& path) {
  const auto [end, rest] =
      std::mismatch(directory.begin(), directory.end(), path.begin(), path.end());
  return end == directory.end();
}

Status CheckMountpoint(const std::filesystem::path& mountpoint,
                       const std::filesystem::path& cache) {
  if (Contains(mountpoint, cache)) {
    return Error{Errc::kInvalidArgument, "the cache " + cache.string() +
                                             " may not lie in the mount; set cache.directory to "
                                             "another place"};
  }
  if (auto cleared = ClearStaleMount(mountpoint); !cleared) return cleared;
  auto mounts = ReadMountTable();
  if (!mounts) return std::move(mounts).error();
  const auto mountpoints = ReposfsMountpoints(*mounts);
  if (std::find(mountpoints.begin(), mountpoints.end(), mountpoint) != mountpoints.end()) {
    return Error{Errc::kInvalidArgument,
                 "reposfs is mounted on " + mountpoint.string() + " already; see: reposfs status"};
  }
  return MakeDirectories(mountpoint);
}

// Everything that serves, in the order in which it starts; it ends in the opposite one.
class Daemon {
 public:
  Daemon(const Config& config, const MountArguments& arguments)
      : config_(config), arguments_(arguments), origin_(config.hosts) {}

  // The file system goes first, so that nobody hangs in it; then the work, so that nothing calls
  // back into what is destroyed.
  ~Daemon() {
    if (session_) session_->Unmount();
    if (locks_) locks_->Stop();
    if (ring_) ring_->Stop();
    if (cache_) cache_->Stop();
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Told once; whoever forbids io_uring by mistake finds out here.
  void StartIoEngine() {
    io_engine_ = IoEngine::Create({.choice = config_.io.engine});
    spdlog::info("i/o engine=\"{}\"", io_engine_->Describe());
  }

  Status Start() {
    if (auto good = CheckMountpoint(arguments_.mountpoint, config_.cache.directory); !good) {
      return good;
    }
    StartIoEngine();
    if (auto opened = StartLocks(); !opened) return opened;
    if (auto joined = MakeRing(); !joined) return joined;
    transport_ = MakeTransport(config_.fetch, *io_engine_);
    auto cache =
        RepositoryCache::Open({config_.cache, config_.jobs, CacheRole::kDaemon, config_.freshness,
                               config_.history, config_.fetch, config_.lru},
                              ring_ ? ring_->origin() : origin_, *transport_, clock_);
    if (!cache) return std::move(cache).error();
    cache_ = std::move(*cache);

    SessionOptions options;
    options.mountpoint = arguments_.mountpoint;
    options.allow_other = config_.mount.allow_other;
    options.uid = config_.mount.uid.value_or(getuid());
    options.gid = config_.mount.gid.value_or(getgid());
    options.lookup = config_.lookup;
    options.kernel_options = arguments_.options;
    auto session = Session::Mount(std::move(options), *cache_);
    if (!session) return std::move(session).error();
    session_ = std::move(*session);
    return StartServers();
  }

  Status Run() { return session_->Run(); }

 private:
  Status StartLocks() {
    if (auto made = MakeDirectories(config_.cache.directory); !made) return made;
    auto locks = OpenLocks(config_);
    if (!locks) return std::move(locks).error();
    locks_ = std::move(*locks);
    return {};
  }

  Result<std::vector<LockRecord>> ListLocks() const {
    constexpr auto kTimeout = std::chrono::seconds(5);
    return locks_->List(std::chrono::steady_clock::now() + kTimeout);
  }

  Status MakeRing() {
    // Locks in the catalog are this machine's own.
    auto ring = RingService::Make(config_, RingRole::kNode,
                                  AreOfRing(config_) ? locks_.get() : nullptr, clock_);
    if (!ring) return std::move(ring).error();
    ring_ = std::move(*ring);
    if (ring_) ring_->Start();
    return {};
  }

  CurrentRing RingOrNone() const {
    if (!ring_) return {};
    return [this] { return ring_->view(); };
  }

  Status StartServers() {
    api_ = std::make_unique<ControlApi>(
        *cache_,
        DaemonFacts{arguments_.mountpoint.string(), config_.file.string(), config_.hosts,
                    io_engine_->Describe(), [this] { return session_->node_count(); },
                    [this] { return session_->parked_count(); },
                    [this] { return session_->kernel_agreement(); }, [this] { return ListLocks(); },
                    RingOrNone(), [this] { return ring_ ? ring_->work() : RingWork{}; }});
    if (ring_) ring_->Keep(*cache_);
    if (auto started = StartHttp(); !started) return started;
    auto control =
        HttpServer::ListenUnix(config_.cache.directory / "control.sock",
                               [this](const HttpRequest& request, const HttpServer::Reply& reply) {
                                 api_->Handle(request, ControlAccess::kFull, reply);
                               });
    if (!control) return std::move(control).error();
    control_ = std::move(*control);
    return {};
  }

  // Of who comes over TCP.
  ControlAccess AccessOf(const HttpRequest& request) const {
    const bool by_certificate = !config_.http.tls.client_ca_file.empty();
    if (by_certificate || (!secret_.empty() && ShowsToken(request, secret_))) {
      return ControlAccess::kPeer;
    }
    const bool is_near = IsLoopback(config_.http.listen);
    if (!is_near && !config_.http.open_to_all) return ControlAccess::kStranger;
    // Without a secret a ring is on this machine only.
    return ring_ && secret_.empty() ? ControlAccess::kPeer : ControlAccess::kReadOnly;
  }

  Status StartHttp() {
    if (config_.http.listen.empty()) return {};
    if (!config_.ring.token_file.empty()) {
      auto secret = ReadSecret(config_.ring.token_file);
      if (!secret) return std::move(secret).error().Within("ring.tokenFile");
      secret_ = std::move(*secret);
    }
    auto git_options = MakeGitServiceOptions(config_);
    if (!git_options) return std::move(git_options).error();
    git_ = std::make_unique<GitService>(*cache_, std::move(*git_options));
    auto tls = ReadHttpTls({config_.http.tls.certificate_file, config_.http.tls.key_file,
                            config_.http.tls.client_ca_file});
    if (!tls) return std::move(tls).error();
    HttpServer::Settings settings;
    settings.tls = std::move(*tls);
    settings.body_max_bytes = [this](const HttpRequest& head) {
      return IsGitPath(head.path) ? git_->BodyMaxBytes(head) : HttpServer::kBodyMaxBytes;
    };
    auto http = HttpServer::ListenTcp(
        config_.http.listen,
        [this](HttpRequest& request, const HttpServer::Reply& reply) {
          if (IsGitPath(request.path)) return git_->Handle(request, reply);
          const ControlAccess access = AccessOf(request);
          if (ring_ && RingService::IsForPeers(request.path)) {
            return ring_->Handle(request, access, reply);
          }
          api_->Handle(request, access, reply);
        },
        std::move(settings));
    if (http) {
      http_ = std::move(*http);
      api_->SetHttpAddress(http_->address());
    } else if (ring_) {
      return std::move(http).error().Within("nodes of a ring need http.listen");
    } else {
      // The mount does not depend on it; another reposfs may have the port.
      spdlog::warn("no HTTP interface cause=\"{}\" advice=\"set http.listen to a free port\"",
                   http.error().message);
    }
    return {};
  }

  const Config& config_;
  const MountArguments& arguments_;
  const UpstreamOrigin origin_;
  const SystemClock clock_;
  // Its threads do not survive a fork(): not before Start().
  std::unique_ptr<IoEngine> io_engine_;
  // Of all processes that share the cache, or the ring.
  std::unique_ptr<LockService> locks_;
  std::unique_ptr<RingService> ring_;  // Null without one.
  std::string secret_;                 // Of ring.tokenFile; empty: none.
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<RepositoryCache> cache_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<ControlApi> api_;
  std::unique_ptr<GitService> git_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<HttpServer> control_;
};

}  // namespace

int RunMount(const Config& config, const MountArguments& arguments, ReadinessReporter& reporter) {
  if (auto prepared = PrepareProcess(
          config, arguments.foreground ? LogTarget::kStandardError : LogTarget::kFile);
      !prepared) {
    reporter.Failed(prepared.error());
    return 1;
  }
  auto daemon = std::make_unique<Daemon>(config, arguments);
  if (auto started = daemon->Start(); !started) {
    reporter.Failed(started.error());
    return 1;
  }
  spdlog::info("mounted on={} cache={} version={}", arguments.mountpoint.string(),
               config.cache.directory.string(), REPOSFS_VERSION);
  reporter.Note("serving " + arguments.mountpoint.string());
  reporter.Ready();
  const Status served = daemon->Run();
  reporter.Stopping();
  daemon.reset();
  if (!served) {
    spdlog::error("stopped cause=\"{}\"", served.error().message);
    return 1;
  }
  spdlog::info("unmounted from={}", arguments.mountpoint.string());
  return 0;
}

}  // namespace reposfs
