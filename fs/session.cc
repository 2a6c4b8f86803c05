#include "fs/session.h"

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <utility>

#include "base/text.h"
#include "fs/errno_map.h"
#include "fs/name_nodes.h"
#include "fs/node_table.h"
#include "fs/parking_lot.h"

namespace reposfs {
namespace {

constexpr unsigned kServingThreadCountMax = 10;
constexpr std::size_t kAnsweringThreadCountMax = 4;
constexpr std::size_t kListingCountMax = 32;
constexpr int kAttemptCountMax = 1'000;
constexpr uid_t kNobody = 65534;

double Seconds(std::chrono::milliseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

struct FuseSessionDeleter {
  void operator()(fuse_session* session) const noexcept { fuse_session_destroy(session); }
};
struct FuseLoopConfigDeleter {
  void operator()(fuse_loop_config* config) const noexcept { fuse_loop_cfg_destroy(config); }
};

// The listings that were begun last, so that a large directory, which the kernel reads in many
// pieces, is listed once.
class ListingCache {
 public:
  ListingPtr Get(std::uint64_t ino) {
    MutexLock lock(mutex_);
    for (const auto& [known, listing] : recent_) {
      if (known == ino) return listing;
    }
    return nullptr;
  }

  void Put(std::uint64_t ino, ListingPtr listing) {
    MutexLock lock(mutex_);
    std::erase_if(recent_, [&](const auto& entry) { return entry.first == ino; });
    recent_.emplace_front(ino, std::move(listing));
    if (recent_.size() > kListingCountMax) recent_.pop_back();
  }

  void Drop(std::uint64_t ino) {
    MutexLock lock(mutex_);
    std::erase_if(recent_, [&](const auto& entry) { return entry.first == ino; });
  }

 private:
  Mutex mutex_;  // A leaf lock.
  std::deque<std::pair<std::uint64_t, ListingPtr>> recent_ REPOSFS_GUARDED_BY(mutex_);
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
        table_(MakeMountRoot(mount_)),
        lot_(answering_, cache.options().fetch.request_timeout) {}

  ~Impl() {
    Unmount();
    answering_.Stop();
    notifying_.Stop();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status Mount();
  Status Run();
  void Unmount() {
    cache_.OnEvicted({});
    lot_.Close();
    if (std::exchange(mounted_, false)) fuse_session_unmount(session_.get());
  }

  std::size_t node_count() const { return table_.size(); }
  std::size_t parked_count() const { return lot_.size(); }

 private:
  static Impl& Of(fuse_req_t request) { return *static_cast<Impl*>(fuse_req_userdata(request)); }
  static fuse_lowlevel_ops Operations();
  static void Init(void* userdata, fuse_conn_info* connection);

  void Lookup(fuse_req_t request, fuse_ino_t parent, std::string name);
  void GetAttributes(fuse_req_t request, fuse_ino_t ino);
  void ReadLink(fuse_req_t request, fuse_ino_t ino);
  void Read(fuse_req_t request, fuse_ino_t ino, std::size_t size, off_t offset);
  void List(fuse_req_t request, fuse_ino_t ino, std::size_t size, off_t offset, bool plus);
  void GetExtendedAttribute(fuse_req_t request, fuse_ino_t ino, const char* name, std::size_t size);
  void ListExtendedAttributes(fuse_req_t request, fuse_ino_t ino, std::size_t size);
  void StatFileSystem(fuse_req_t request);

  // Lets `attempt` answer and gives the value to `reply`; or waits and tries again.  `despite` says
  // what to answer when waiting was in vain.
  template <typename Attempt, typename Reply, typename DespiteOf>
  void Serve(fuse_req_t request, NodePtr node, std::chrono::milliseconds patience, Attempt attempt,
             Reply reply, DespiteOf despite);
  template <typename Attempt, typename Reply>
  void Serve(fuse_req_t request, NodePtr node, Attempt attempt, Reply reply) {
    using Value = decltype(attempt());
    Serve(request, std::move(node), {}, std::move(attempt), std::move(reply),
          [](Despite, const Error& error) { return Value(error); });
  }
  template <typename Attempt, typename Reply, typename DespiteOf>
  void Park(fuse_req_t request, NodePtr node, FlightPtr flight,
            std::optional<ParkingLot::SteadyTime> deadline, int attempt_count, Attempt attempt,
            Reply reply, DespiteOf despite);
  template <typename Attempt>
  auto Try(const NodePtr& node, Attempt& attempt);
  template <typename Outcome, typename Reply>
  void Conclude(fuse_req_t request, Outcome& outcome, Reply& reply);
  void Fail(fuse_req_t request, const Error& error);

  struct stat ToStat(const Node& node, const Attributes& attributes) const;
  fuse_entry_param ToEntry(const Node& node, const Attributes& attributes) const;
  void ReplyEntry(fuse_req_t request, NodePtr node);
  // Appends `entry` if it fits into `size` bytes; with attributes if `lookup` is given.
  bool AppendEntry(fuse_req_t request, const ListedEntry& entry, off_t next,
                   const Node::LookupIfHere& lookup, std::string& buffer, std::size_t size);
  void LetGoOf(const Repository& repository);

  const SessionOptions options_;
  RepositoryCache& cache_;
  const MountContext mount_;
  NodeTable table_;
  ListingCache listings_;
  ThreadPool answering_{"answer", kAnsweringThreadCountMax};
  // Tells the kernel what to forget; it serves no request, so that the kernel may make it wait.
  ThreadPool notifying_{"notify", 1};
  ParkingLot lot_;
  std::unique_ptr<fuse_session, FuseSessionDeleter> session_;
  bool mounted_ = false;
};

template <typename Attempt>
auto Session::Impl::Try(const NodePtr& node, Attempt& attempt) {
  const RepositoryPtr repository = node->repository();
  if (!repository) return attempt();
  repository->Touch(cache_.clock().Now(), cache_.options().lru.granularity);
  const Repository::Use use(repository);
  return attempt();
}

void Session::Impl::Fail(fuse_req_t request, const Error& error) {
  fuse_reply_err(request, ErrnoOf(error.code));
}

template <typename Outcome, typename Reply>
void Session::Impl::Conclude(fuse_req_t request, Outcome& outcome, Reply& reply) {
  if (!outcome.has_value()) return Fail(request, outcome.result().error());
  reply(request, outcome.value());
}

template <typename Attempt, typename Reply, typename DespiteOf>
void Session::Impl::Serve(fuse_req_t request, NodePtr node, std::chrono::milliseconds patience,
                          Attempt attempt, Reply reply, DespiteOf despite) {
  if (!node) {
    fuse_reply_err(request, ESTALE);
    return;
  }
  auto outcome = Try(node, attempt);
  if (!outcome.waits()) return Conclude(request, outcome, reply);
  std::optional<ParkingLot::SteadyTime> deadline;
  if (patience.count() > 0) deadline = std::chrono::steady_clock::now() + patience;
  Park(request, std::move(node), outcome.flight(), deadline, 1, std::move(attempt),
       std::move(reply), std::move(despite));
}

template <typename Attempt, typename Reply, typename DespiteOf>
void Session::Impl::Park(fuse_req_t request, NodePtr node, FlightPtr flight,
                         std::optional<ParkingLot::SteadyTime> deadline, int attempt_count,
                         Attempt attempt, Reply reply, DespiteOf despite) {
  auto resume = [this, request, node, deadline, attempt_count, attempt, reply, despite](
                    ParkingLot::Wake wake, const Status& status) mutable {
    if (wake == ParkingLot::Wake::kInterrupted) {
      fuse_reply_err(request, EINTR);
      return;
    }
    const Error timed_out{Errc::kTimedOut, "waited too long"};
    auto outcome = wake == ParkingLot::Wake::kDeadline ? despite(Despite::kDeadline, timed_out)
                   : !status                           ? despite(Despite::kFailure, status.error())
                                                       : Try(node, attempt);
    if (outcome.waits() && attempt_count >= kAttemptCountMax) return Fail(request, timed_out);
    if (!outcome.waits()) return Conclude(request, outcome, reply);
    Park(request, std::move(node), outcome.flight(), deadline, attempt_count + 1,
         std::move(attempt), std::move(reply), std::move(despite));
  };
  // In this order: an interrupt may come while it is being asked for, and must find the request;
  // but nobody may reply, and so free it, before that is done.
  const std::uint64_t id = lot_.Add(std::move(flight), deadline, std::move(resume));
  fuse_req_interrupt_func(
      request,
      [](fuse_req_t interrupted, void* data) {
        Of(interrupted).lot_.Interrupt(reinterpret_cast<std::uintptr_t>(data));
      },
      reinterpret_cast<void*>(static_cast<std::uintptr_t>(id)));
  lot_.Arm(id);
}

struct stat Session::Impl::ToStat(const Node& node, const Attributes& attributes) const {
  struct stat result {};
  result.st_ino = node.ino();
  result.st_mode = attributes.mode;
  result.st_nlink = 1;
  result.st_uid = attributes.foreign_owner ? kNobody : options_.uid;
  result.st_gid = attributes.foreign_owner ? kNobody : options_.gid;
  result.st_size = static_cast<off_t>(attributes.size_bytes);
  result.st_blocks = static_cast<blkcnt_t>((attributes.size_bytes + 511) / 512);
  result.st_blksize = 4096;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(attributes.modified);
  result.st_mtim.tv_sec = seconds.time_since_epoch().count();
  result.st_mtim.tv_nsec = (attributes.modified - seconds).count();
  result.st_atim = result.st_mtim;
  result.st_ctim = result.st_mtim;
  return result;
}

fuse_entry_param Session::Impl::ToEntry(const Node& node, const Attributes& attributes) const {
  fuse_entry_param entry{};
  entry.ino = node.ino();
  entry.attr = ToStat(node, attributes);
  const Validity validity = node.validity();
  entry.entry_timeout = Seconds(validity.entry);
  entry.attr_timeout = Seconds(validity.attributes);
  return entry;
}

void Session::Impl::ReplyEntry(fuse_req_t request, NodePtr node) {
  // A node may have to wait for its attributes, too.
  Serve(
      request, node, [node] { return node->GetAttributes(); },
      [this, node](fuse_req_t answered, const Attributes& attributes) {
        const NodePtr known = table_.Remember(node);
        const fuse_entry_param entry = ToEntry(*known, attributes);
        if (fuse_reply_entry(answered, &entry) != 0) table_.Forget(known->ino(), 1);
      });
}

void Session::Impl::Lookup(fuse_req_t request, fuse_ino_t parent, std::string name) {
  const NodePtr directory = table_.Find(parent);
  if (!directory) {
    fuse_reply_err(request, ESTALE);
    return;
  }
  // Absence is an answer here, too: one that may be believed for a while.
  const auto or_absent = [directory](Outcome<NodePtr> child) -> Outcome<NodePtr> {
    const bool absent =
        !child.waits() && !child.has_value() && child.result().error().code == Errc::kNotFound;
    return absent ? Outcome<NodePtr>(NodePtr()) : child;
  };
  Serve(
      request, directory, directory->lookup_patience(),
      [directory, name, or_absent] { return or_absent(directory->Lookup(name)); },
      [this, directory](fuse_req_t answered, const NodePtr& child) {
        if (child) return ReplyEntry(answered, child);
        const double believed = Seconds(directory->negative_validity());
        if (believed == 0) {
          fuse_reply_err(answered, ENOENT);
          return;
        }
        fuse_entry_param entry{};
        entry.entry_timeout = believed;
        fuse_reply_entry(answered, &entry);
      },
      [directory, name, or_absent](Despite why, const Error& error) {
        return or_absent(directory->LookupDespite(name, why, error));
      });
}

void Session::Impl::GetAttributes(fuse_req_t request, fuse_ino_t ino) {
  const NodePtr node = table_.Find(ino);
  Serve(
      request, node, [node] { return node->GetAttributes(); },
      [this, node](fuse_req_t answered, const Attributes& attributes) {
        const struct stat result = ToStat(*node, attributes);
        fuse_reply_attr(answered, &result, Seconds(node->validity().attributes));
      });
}

void Session::Impl::ReadLink(fuse_req_t request, fuse_ino_t ino) {
  const NodePtr node = table_.Find(ino);
  Serve(
      request, node, [node] { return node->ReadLink(); },
      [](fuse_req_t answered, const std::string& target) {
        fuse_reply_readlink(answered, target.c_str());
      });
}

void Session::Impl::Read(fuse_req_t request, fuse_ino_t ino, std::size_t size, off_t offset) {
  const NodePtr node = table_.Find(ino);
  Serve(
      request, node,
      [node, size, offset] { return node->Read(static_cast<std::uint64_t>(offset), size); },
      [](fuse_req_t answered, const Piece& piece) {
        const std::uint64_t end = piece.data->size_bytes();
        const std::uint64_t begin = std::min(piece.offset, end);
        const std::size_t count = std::min<std::uint64_t>(piece.size, end - begin);
        if (piece.data->in_memory()) {
          fuse_reply_buf(answered, piece.data->content()->data() + begin, count);
          return;
        }
        fuse_bufvec buffer{};
        buffer.count = 1;
        buffer.buf[0].size = count;
        buffer.buf[0].flags = static_cast<fuse_buf_flags>(FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK);
        buffer.buf[0].fd = piece.data->fd();
        buffer.buf[0].pos = static_cast<off_t>(begin);
        fuse_reply_data(answered, &buffer, FUSE_BUF_SPLICE_MOVE);
      });
}

bool Session::Impl::AppendEntry(fuse_req_t request, const ListedEntry& entry, off_t next,
                                const Node::LookupIfHere& lookup, std::string& buffer,
                                std::size_t size) {
  struct stat brief {};
  brief.st_ino = entry.ino;
  brief.st_mode = entry.type;
  const std::size_t room = size - buffer.size();
  if (!lookup) {
    const std::size_t needed =
        fuse_add_direntry(request, nullptr, 0, entry.name.c_str(), nullptr, 0);
    if (needed > room) return false;
    const std::size_t begin = buffer.size();
    buffer.resize(begin + needed);
    fuse_add_direntry(request, buffer.data() + begin, needed, entry.name.c_str(), &brief, next);
    return true;
  }
  const std::size_t needed =
      fuse_add_direntry_plus(request, nullptr, 0, entry.name.c_str(), nullptr, 0);
  if (needed > room) return false;
  fuse_entry_param parameters{};
  parameters.attr = brief;
  const bool is_dots = entry.name == "." || entry.name == "..";
  if (const NodePtr child = is_dots ? nullptr : lookup(entry.name)) {
    const Outcome<Attributes> attributes = child->GetAttributes();
    if (attributes.has_value()) {
      const NodePtr known = table_.Remember(child);
      parameters = ToEntry(*known, *attributes.result());
    }
  }
  const std::size_t begin = buffer.size();
  buffer.resize(begin + needed);
  fuse_add_direntry_plus(request, buffer.data() + begin, needed, entry.name.c_str(), &parameters,
                         next);
  return true;
}

void Session::Impl::List(fuse_req_t request, fuse_ino_t ino, std::size_t size, off_t offset,
                         bool plus) {
  const NodePtr node = table_.Find(ino);
  Serve(
      request, node,
      [this, node, offset]() -> Outcome<ListingPtr> {
        if (offset != 0) {
          if (ListingPtr begun = listings_.Get(node->ino())) return begun;
        }
        Outcome<ListingPtr> listed = node->List();
        if (!listed.has_value()) return listed;
        auto listing = std::make_shared<Listing>();
        listing->reserve(listed.value()->size() + 2);
        listing->push_back(ListedEntry{".", node->ino(), S_IFDIR});
        listing->push_back(ListedEntry{"..", 1, S_IFDIR});
        listing->insert(listing->end(), listed.value()->begin(), listed.value()->end());
        return ListingPtr(std::move(listing));
      },
      [this, node, size, offset, plus](fuse_req_t answered, const ListingPtr& listing) {
        std::string buffer;
        const Node::LookupIfHere lookup = plus ? node->PrepareLookups() : nullptr;
        auto index = static_cast<std::size_t>(offset);
        while (index < listing->size() &&
               AppendEntry(answered, (*listing)[index], static_cast<off_t>(index + 1), lookup,
                           buffer, size)) {
          ++index;
        }
        if (index < listing->size()) {
          listings_.Put(node->ino(), listing);
        } else {
          listings_.Drop(node->ino());
        }
        fuse_reply_buf(answered, buffer.data(), buffer.size());
      });
}

void Session::Impl::GetExtendedAttribute(fuse_req_t request, fuse_ino_t ino, const char* name,
                                         std::size_t size) {
  const NodePtr node = table_.Find(ino);
  if (!node || !std::string_view(name).starts_with("user.reposfs.")) {
    fuse_reply_err(request, ENODATA);
    return;
  }
  for (const auto& [known, value] : node->ExtendedAttributes()) {
    if (known != name) continue;
    if (size == 0) {
      fuse_reply_xattr(request, value.size());
    } else if (value.size() > size) {
      fuse_reply_err(request, ERANGE);
    } else {
      fuse_reply_buf(request, value.data(), value.size());
    }
    return;
  }
  fuse_reply_err(request, ENODATA);
}

void Session::Impl::ListExtendedAttributes(fuse_req_t request, fuse_ino_t ino, std::size_t size) {
  const NodePtr node = table_.Find(ino);
  std::string names;
  if (node) {
    for (const auto& [name, value] : node->ExtendedAttributes()) names += name + '\0';
  }
  if (size == 0) {
    fuse_reply_xattr(request, names.size());
  } else if (names.size() > size) {
    fuse_reply_err(request, ERANGE);
  } else {
    fuse_reply_buf(request, names.data(), names.size());
  }
}

void Session::Impl::StatFileSystem(fuse_req_t request) {
  constexpr std::uint64_t kBlock = 4096;
  const std::uint64_t quota = cache_.quota_bytes();
  const std::uint64_t used = std::min(cache_.used_bytes(), quota);
  struct statvfs result {};
  result.f_bsize = kBlock;
  result.f_frsize = kBlock;
  result.f_blocks = quota / kBlock;
  result.f_bfree = (quota - used) / kBlock;
  result.f_bavail = result.f_bfree;
  result.f_files = cache_.Repositories().size();
  result.f_namemax = 255;
  fuse_reply_statfs(request, &result);
}

fuse_lowlevel_ops Session::Impl::Operations() {
  fuse_lowlevel_ops operations{};
  operations.init = Init;
  operations.lookup = [](fuse_req_t request, fuse_ino_t parent, const char* name) {
    Of(request).Lookup(request, parent, name);
  };
  operations.forget = [](fuse_req_t request, fuse_ino_t ino, std::uint64_t count) {
    Of(request).table_.Forget(ino, count);
    fuse_reply_none(request);
  };
  operations.forget_multi = [](fuse_req_t request, std::size_t count, fuse_forget_data* forgets) {
    for (std::size_t i = 0; i < count; ++i) {
      Of(request).table_.Forget(forgets[i].ino, forgets[i].nlookup);
    }
    fuse_reply_none(request);
  };
  operations.getattr = [](fuse_req_t request, fuse_ino_t ino, fuse_file_info*) {
    Of(request).GetAttributes(request, ino);
  };
  operations.readlink = [](fuse_req_t request, fuse_ino_t ino) {
    Of(request).ReadLink(request, ino);
  };
  // "Not implemented" means to the kernel: nothing to do, never ask again.  It then keeps pages and
  // listings by itself.
  operations.open = [](fuse_req_t request, fuse_ino_t, fuse_file_info*) {
    fuse_reply_err(request, ENOSYS);
  };
  operations.opendir = operations.open;
  operations.read = [](fuse_req_t request, fuse_ino_t ino, std::size_t size, off_t offset,
                       fuse_file_info*) { Of(request).Read(request, ino, size, offset); };
  operations.readdir = [](fuse_req_t request, fuse_ino_t ino, std::size_t size, off_t offset,
                          fuse_file_info*) { Of(request).List(request, ino, size, offset, false); };
  operations.readdirplus = [](fuse_req_t request, fuse_ino_t ino, std::size_t size, off_t offset,
                              fuse_file_info*) {
    Of(request).List(request, ino, size, offset, true);
  };
  operations.getxattr = [](fuse_req_t request, fuse_ino_t ino, const char* name, std::size_t size) {
    Of(request).GetExtendedAttribute(request, ino, name, size);
  };
  operations.listxattr = [](fuse_req_t request, fuse_ino_t ino, std::size_t size) {
    Of(request).ListExtendedAttributes(request, ino, size);
  };
  operations.statfs = [](fuse_req_t request, fuse_ino_t) { Of(request).StatFileSystem(request); };
  return operations;
}

void Session::Impl::Init(void*, fuse_conn_info* connection) {
  for (const int wanted :
       {FUSE_CAP_PARALLEL_DIROPS, FUSE_CAP_READDIRPLUS, FUSE_CAP_READDIRPLUS_AUTO,
        FUSE_CAP_ASYNC_READ, FUSE_CAP_AUTO_INVAL_DATA, FUSE_CAP_CACHE_SYMLINKS,
        FUSE_CAP_NO_OPEN_SUPPORT, FUSE_CAP_NO_OPENDIR_SUPPORT, FUSE_CAP_SPLICE_WRITE}) {
    const auto flag = static_cast<unsigned>(wanted);
    if ((connection->capable & flag) != 0) connection->want |= flag;
  }
  // Reads ahead count against this limit while they are parked; one stalled repository must not use
  // up what the others need.
  connection->max_background = 65'535;
  connection->congestion_threshold = 65'535;
}

Status Session::Impl::Mount() {
  std::string mount_options = "ro,nosuid,nodev,default_permissions,fsname=reposfs,subtype=reposfs";
  if (options_.allow_other) mount_options += ",allow_other";
  for (const std::string& option : options_.kernel_options) mount_options += "," + option;
  std::array<const char*, 3> arguments = {"reposfs", "-o", mount_options.c_str()};
  fuse_args args =
      FUSE_ARGS_INIT(static_cast<int>(arguments.size()), const_cast<char**>(arguments.data()));
  const fuse_lowlevel_ops operations = Operations();
  session_.reset(fuse_session_new(&args, &operations, sizeof operations, this));
  fuse_opt_free_args(&args);
  if (!session_) return Error{Errc::kIo, "FUSE session not created"};
  const std::string where = options_.mountpoint.string();
  errno = 0;
  if (fuse_session_mount(session_.get(), where.c_str()) != 0) {
    return ErrnoError(errno != 0 ? errno : EIO,
                      "mount on " + where + " failed (does it exist, is /dev/fuse there, and may " +
                          "you mount? reposfs doctor tells more)");
  }
  mounted_ = true;
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
  lot_.Close();
  if (result < 0) return ErrnoError(-result, "serve");
  return {};
}

// The kernel may remember files of the store without using them; while it does, they are open here,
// and their space is not free.
void Session::Impl::LetGoOf(const Repository& repository) {
  for (const NodePtr& node : table_.HeldFiles(repository)) {
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

}  // namespace reposfs
