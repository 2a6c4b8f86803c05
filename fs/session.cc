#include "fs/session.h"

#include <signal.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/file_util.h"
#include "fs/mount_device.h"
#include "fs/name_nodes.h"
#include "fs/parallel_lookups.h"
#include "fs/requests.h"

namespace reposfs {
namespace {

constexpr unsigned kServingThreadCountMax = 10;

// Those of `flags`, by the names that libfuse has for them; a flag that is not here has none yet.
std::vector<std::string> FeatureNames(unsigned flags) {
  constexpr std::pair<unsigned, const char*> kNames[] = {
      {FUSE_CAP_ASYNC_READ, "ASYNC_READ"},
      {FUSE_CAP_SPLICE_WRITE, "SPLICE_WRITE"},
      {FUSE_CAP_SPLICE_MOVE, "SPLICE_MOVE"},
      {FUSE_CAP_SPLICE_READ, "SPLICE_READ"},
      {FUSE_CAP_AUTO_INVAL_DATA, "AUTO_INVAL_DATA"},
      {FUSE_CAP_READDIRPLUS, "READDIRPLUS"},
      {FUSE_CAP_READDIRPLUS_AUTO, "READDIRPLUS_AUTO"},
      {FUSE_CAP_ASYNC_DIO, "ASYNC_DIO"},
      {FUSE_CAP_NO_OPEN_SUPPORT, "NO_OPEN_SUPPORT"},
      {FUSE_CAP_PARALLEL_DIROPS, "PARALLEL_DIROPS"},
      {FUSE_CAP_CACHE_SYMLINKS, "CACHE_SYMLINKS"},
      {FUSE_CAP_NO_OPENDIR_SUPPORT, "NO_OPENDIR_SUPPORT"},
      {FUSE_CAP_EXPLICIT_INVAL_DATA, "EXPLICIT_INVAL_DATA"},
  };
  std::vector<std::string> names;
  for (const auto& [flag, name] : kNames) {
    if ((flags & flag) != 0) names.emplace_back(name);
  }
  return names;
}

struct FuseSessionDeleter {
  void operator()(fuse_session* session) const noexcept { fuse_session_destroy(session); }
};
struct FuseLoopConfigDeleter {
  void operator()(fuse_loop_config* config) const noexcept { fuse_loop_cfg_destroy(config); }
};

}  // namespace

class Session::Impl {
 public:
  Impl(SessionOptions options, RepositoryCache& cache)
      : options_(std::move(options)),
        cache_(cache),
        mount_{cache, options_.lookup,
               cache.options().freshness.mode == FreshnessMode::kStrict
                   ? std::chrono::milliseconds(0)
                   : std::min(std::chrono::milliseconds(1'000), cache.options().lru.granularity),
               options_.uid, options_.gid},
        requests_(MakeMountRoot(mount_), Ownership{options_.uid, options_.gid}, cache) {}

  ~Impl() {
    Unmount();
    requests_.Stop();
    notifying_.Stop();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status Mount();
  Status Run();
  void Unmount() {
    cache_.OnEvicted({});
    requests_.Close();
    if (std::exchange(mounted_, false)) fuse_session_unmount(session_.get());
  }

  std::size_t node_count() const { return requests_.table().size(); }
  std::size_t parked_count() const { return requests_.parked_count(); }
  KernelAgreement kernel_agreement() const { return requests_.kernel_agreement(); }

 private:
  static fuse_lowlevel_ops Operations();
  static void Init(void* userdata, fuse_conn_info* connection);

  void LetGoOf(const Repository& repository);

  const SessionOptions options_;
  RepositoryCache& cache_;
  MountContext mount_;  // Constant once mounted.
  Requests requests_;
  // Tells the kernel what to forget; it serves no request, so that the kernel may make it wait.
  ThreadPool notifying_{"notify", 1};
  std::unique_ptr<fuse_session, FuseSessionDeleter> session_;
  bool mounted_ = false;
};

fuse_lowlevel_ops Session::Impl::Operations() {
  fuse_lowlevel_ops operations{};
  operations.init = Init;
  operations.lookup = [](fuse_req_t request, fuse_ino_t parent, const char* name) {
    Requests::Of(request).Lookup(request, parent, name);
  };
  operations.forget = [](fuse_req_t request, fuse_ino_t ino, std::uint64_t count) {
    Requests::Of(request).Forget(ino, count);
    fuse_reply_none(request);
  };
  operations.forget_multi = [](fuse_req_t request, std::size_t count, fuse_forget_data* forgets) {
    for (std::size_t i = 0; i < count; ++i) {
      Requests::Of(request).Forget(forgets[i].ino, forgets[i].nlookup);
    }
    fuse_reply_none(request);
  };
  operations.getattr = [](fuse_req_t request, fuse_ino_t ino, fuse_file_info*) {
    Requests::Of(request).GetAttributes(request, ino);
  };
  operations.readlink = [](fuse_req_t request, fuse_ino_t ino) {
    Requests::Of(request).ReadLink(request, ino);
  };
  // "Not implemented" means to the kernel: nothing to do, never ask again.  It then keeps pages and
  // listings by itself.
  operations.open = [](fuse_req_t request, fuse_ino_t, fuse_file_info*) {
    fuse_reply_err(request, ENOSYS);
  };
  operations.opendir = operations.open;
  operations.read = [](fuse_req_t request, fuse_ino_t ino, std::size_t size, off_t offset,
                       fuse_file_info*) { Requests::Of(request).Read(request, ino, size, offset); };
  operations.readdir = [](fuse_req_t request, fuse_ino_t ino, std::size_t size, off_t offset,
                          fuse_file_info*) {
    Requests::Of(request).List(request, ino, size, offset, false);
  };
  operations.readdirplus = [](fuse_req_t request, fuse_ino_t ino, std::size_t size, off_t offset,
                              fuse_file_info*) {
    Requests::Of(request).List(request, ino, size, offset, true);
  };
  operations.getxattr = [](fuse_req_t request, fuse_ino_t ino, const char* name, std::size_t size) {
    Requests::Of(request).GetExtendedAttribute(request, ino, name, size);
  };
  operations.listxattr = [](fuse_req_t request, fuse_ino_t ino, std::size_t size) {
    Requests::Of(request).ListExtendedAttributes(request, ino, size);
  };
  operations.statfs = [](fuse_req_t request, fuse_ino_t) {
    Requests::Of(request).StatFileSystem(request);
  };
  return operations;
}

void Session::Impl::Init(void* userdata, fuse_conn_info* connection) {
  for (const int wanted :
       {FUSE_CAP_PARALLEL_DIROPS, FUSE_CAP_READDIRPLUS, FUSE_CAP_ASYNC_READ,
        FUSE_CAP_EXPLICIT_INVAL_DATA, FUSE_CAP_CACHE_SYMLINKS, FUSE_CAP_NO_OPEN_SUPPORT,
        FUSE_CAP_NO_OPENDIR_SUPPORT, FUSE_CAP_SPLICE_WRITE, FUSE_CAP_POSIX_ACL}) {
    const auto flag = static_cast<unsigned>(wanted);
    if ((connection->capable & flag) != 0) connection->want |= flag;
  }
  // libfuse asks for it by itself.  With it only the first piece of a listing comes with
  // attributes, and each entry of the others costs a lookup of its own.
  connection->want &= ~static_cast<unsigned>(FUSE_CAP_READDIRPLUS_AUTO);
  // So does it for this.  A node never changes: the kernel need not look at its times with each
  // read.
  connection->want &= ~static_cast<unsigned>(FUSE_CAP_AUTO_INVAL_DATA);
  // Reads ahead count against this limit while they are parked; one stalled repository must not use
  // up what the others need.
  connection->max_background = 65'535;
  connection->congestion_threshold = 65'535;

  static_cast<Requests*>(userdata)->SetKernelAgreement(
      {std::to_string(connection->proto_major) + "." + std::to_string(connection->proto_minor),
       FeatureNames(connection->want & connection->capable)});
}

Status Session::Impl::Mount() {
  std::string mount_options = "ro,nosuid,nodev,default_permissions,fsname=reposfs,subtype=reposfs";
  if (options_.allow_other) mount_options += ",allow_other";
  for (const std::string& option : options_.kernel_options) mount_options += "," + option;
  std::array<const char*, 3> arguments = {"reposfs", "-o", mount_options.c_str()};
  fuse_args args =
      FUSE_ARGS_INIT(static_cast<int>(arguments.size()), const_cast<char**>(arguments.data()));
  const fuse_lowlevel_ops operations = Operations();
  session_.reset(fuse_session_new(&args, &operations, sizeof operations, &requests_));
  fuse_opt_free_args(&args);
  if (!session_) return Error{Errc::kIo, "FUSE session not created"};
  const std::string where = options_.mountpoint.string();
  std::error_code error;
  // Before it is ours: afterwards nobody would answer.
  const auto canonical = std::filesystem::canonical(options_.mountpoint, error);
  errno = 0;
  if (fuse_session_mount(session_.get(), where.c_str()) != 0) {
    return ErrnoError(errno != 0 ? errno : EIO,
                      "mount on " + where + " failed (does it exist, is /dev/fuse there, and may " +
                          "you mount? reposfs doctor tells more)");
  }
  mounted_ = true;
  if (auto allowed = AllowParallelLookups(session_.get()); !allowed) return allowed;
  mount_.mountpoint = error ? options_.mountpoint : canonical;
  if (const auto mountinfo = ReadFile("/proc/self/mountinfo")) {
    mount_.device = DeviceMountedOn(mount_.mountpoint.string(), *mountinfo);
  }
  cache_.OnEvicted([this](const Repository& repository) { LetGoOf(repository); });
  return {};
}

Status Session::Impl::Run() {
  if (fuse_set_signal_handlers(session_.get()) != 0) {
    return Error{Errc::kIo, "signal handlers not set"};
  }
  // Blocked so far, so that no other thread of the process takes them.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  const std::unique_ptr<fuse_loop_config, FuseLoopConfigDeleter> config(fuse_loop_cfg_create());
  fuse_loop_cfg_set_clone_fd(config.get(), 1);
  fuse_loop_cfg_set_max_threads(config.get(), kServingThreadCountMax);
  fuse_loop_cfg_set_idle_threads(config.get(), kServingThreadCountMax);
  const int result = fuse_session_loop_mt(session_.get(), config.get());
  fuse_remove_signal_handlers(session_.get());
  requests_.Close();
  if (result < 0) return ErrnoError(-result, "serve");
  return {};
}

// The kernel may remember files of the store without using them; while it does, they are open here,
// and their space is not free.
void Session::Impl::LetGoOf(const Repository& repository) {
  for (const NodePtr& node : requests_.table().HeldFiles(repository)) {
    const HeldPlace place = *node->held_place();
    notifying_.Submit([this, place] {
      fuse_lowlevel_notify_inval_entry(session_.get(), place.parent_ino, place.name.c_str(),
                                       place.name.size());
    });
  }
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::Mount(SessionOptions options, RepositoryCache& cache) {
  auto impl = std::make_unique<Impl>(std::move(options), cache);
  if (auto mounted = impl->Mount(); !mounted) return std::move(mounted).error();
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

Status Session::Run() {
  return impl_->Run();
}
void Session::Unmount() {
  impl_->Unmount();
}
std::size_t Session::node_count() const {
  return impl_->node_count();
}
std::size_t Session::parked_count() const {
  return impl_->parked_count();
}
KernelAgreement Session::kernel_agreement() const {
  return impl_->kernel_agreement();
}

}  // namespace reposfs
