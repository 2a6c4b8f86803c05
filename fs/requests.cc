#include "fs/requests.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

#include "fs/errno_map.h"
#include "fs/extended_attributes.h"

namespace reposfs {
namespace {

constexpr std::size_t kAnsweringThreadCountMax = 4;
constexpr int kAttemptCountMax = 1'000;

}  // namespace

Requests::Requests(NodePtr root, Ownership owner, RepositoryCache& cache)
    : owner_(owner),
      cache_(cache),
      table_(std::move(root)),
      answering_("answer", kAnsweringThreadCountMax),
      lot_(answering_, cache.options().fetch.request_timeout) {}

void Requests::Stop() {
  Close();
  answering_.Stop();
}

void Requests::SetKernelAgreement(KernelAgreement agreement) {
  MutexLock lock(agreement_mutex_);
  kernel_agreement_ = std::move(agreement);
}

KernelAgreement Requests::kernel_agreement() const {
  MutexLock lock(agreement_mutex_);
  return kernel_agreement_;
}

template <typename Attempt>
auto Requests::Try(const NodePtr& node, Attempt& attempt) {
  const RepositoryPtr repository = node->repository();
  if (!repository) return attempt();
  repository->Touch(cache_.clock().Now(), cache_.options().lru.granularity);
  const Repository::Use use(repository);
  return attempt();
}

void Requests::Fail(fuse_req_t request, const Error& error) {
  fuse_reply_err(request, ErrnoOf(error.code));
}

template <typename Outcome, typename Reply>
void Requests::Conclude(fuse_req_t request, Outcome& outcome, Reply& reply) {
  if (!outcome.has_value()) return Fail(request, outcome.result().error());
  reply(request, outcome.value());
}

template <typename Attempt, typename Reply, typename DespiteOf>
void Requests::Serve(fuse_req_t request, NodePtr node, std::chrono::milliseconds patience,
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
void Requests::Park(fuse_req_t request, NodePtr node, FlightPtr flight,
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

void Requests::ReplyEntry(fuse_req_t request, NodePtr node) {
  // A node may have to wait for its attributes, too.
  Serve(
      request, node, [node] { return node->AttributesAtLookup(); },
      [this, node](fuse_req_t answered, const Attributes& attributes) {
        const NodePtr known = table_.Remember(node);
        const fuse_entry_param entry = ToEntry(*known, attributes, owner_);
        if (fuse_reply_entry(answered, &entry) != 0) table_.Forget(known->ino(), 1);
      });
}

void Requests::Lookup(fuse_req_t request, fuse_ino_t parent, std::string name) {
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
      [this, directory, name](fuse_req_t answered, const NodePtr& child) {
        if (child) return ReplyEntry(answered, child);
        const double believed = Seconds(directory->negative_validity(name));
        if (believed == 0) {
          fuse_reply_err(answered, ENOENT);
          return;
        }
        fuse_entry_param entry{};
        entry.entry_timeout = believed;
        fuse_reply_entry(answered, &entry);
      },
      // What could not be had now may be there the next time.
      [directory, name](Despite why, const Error& error) {
        return directory->LookupDespite(name, why, error);
      });
}

void Requests::GetAttributes(fuse_req_t request, fuse_ino_t ino) {
  const NodePtr node = table_.Find(ino);
  Serve(
      request, node, {}, [node] { return node->GetAttributes(); },
      [this, node](fuse_req_t answered, const Attributes& attributes) {
        const struct stat result = ToStat(*node, attributes, owner_);
        const double believed = attributes.provisional ? 0 : Seconds(node->validity().attributes);
        fuse_reply_attr(answered, &result, believed);
      },
      [node](Despite, const Error&) { return node->AttributesAtLookup(); });
}

void Requests::ReadLink(fuse_req_t request, fuse_ino_t ino) {
  const NodePtr node = table_.Find(ino);
  Serve(
      request, node, [node] { return node->ReadLink(); },
      [](fuse_req_t answered, const std::string& target) {
        fuse_reply_readlink(answered, target.c_str());
      });
}

void Requests::Read(fuse_req_t request, fuse_ino_t ino, std::size_t size, off_t offset) {
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
        // Spliced from its pages.  To read it by an IoEngine and answer from the callback took up
        // to 1.9 times as long, cold and warm: that is a copy and two wake-ups more.
        fuse_bufvec buffer{};
        buffer.count = 1;
        buffer.buf[0].size = count;
        buffer.buf[0].flags = static_cast<fuse_buf_flags>(FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK);
        buffer.buf[0].fd = piece.data->fd();
        buffer.buf[0].pos = static_cast<off_t>(begin);
        fuse_reply_data(answered, &buffer, FUSE_BUF_SPLICE_MOVE);
      });
}

void Requests::FillBrief(const Listing& listing, std::size_t& index, EntryBuffer& buffer) const {
  while (index < listing.size() && buffer.Append(listing[index], static_cast<off_t>(index + 1))) {
    ++index;
  }
}

void Requests::FillLookedUp(const Listing& listing, const Node::LookupIfHere& lookup,
                            std::size_t& index, EntryBuffer& buffer) {
  for (; index < listing.size() && buffer.HasRoomForLookup(listing[index].name); ++index) {
    const ListedEntry& entry = listing[index];
    fuse_entry_param looked_up{};
    const bool is_dots = entry.name == "." || entry.name == "..";
    if (const NodePtr child = is_dots ? nullptr : lookup(entry.name)) {
      const Outcome<Attributes> attributes = child->GetAttributes();
      if (attributes.has_value()) {
        const NodePtr known = table_.Remember(child);
        looked_up = ToEntry(*known, *attributes.result(), owner_);
      }
    }
    buffer.AppendLookup(entry, looked_up, static_cast<off_t>(index + 1));
  }
}

void Requests::List(fuse_req_t request, fuse_ino_t ino, std::size_t size, off_t offset, bool plus) {
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
        EntryBuffer buffer(size);
        auto index = static_cast<std::size_t>(offset);
        if (const Node::LookupIfHere lookup = plus ? node->PrepareLookups() : nullptr) {
          FillLookedUp(*listing, lookup, index, buffer);
        } else {
          FillBrief(*listing, index, buffer);
        }
        if (index < listing->size()) {
          listings_.Put(node->ino(), listing);
        } else {
          listings_.Drop(node->ino());
        }
        fuse_reply_buf(answered, buffer.content().data(), buffer.content().size());
      });
}

void Requests::ReplyAttribute(fuse_req_t request, const std::string& value, std::size_t size) {
  if (size == 0) {
    fuse_reply_xattr(request, value.size());
  } else if (value.size() > size) {
    fuse_reply_err(request, ERANGE);
  } else {
    fuse_reply_buf(request, value.data(), value.size());
  }
}

void Requests::GetExtendedAttribute(fuse_req_t request, fuse_ino_t ino, const char* name,
                                    std::size_t size) {
  const NodePtr node = IsOurAttribute(name) ? table_.Find(ino) : nullptr;
  const auto value = node ? ExtendedAttribute(*node, name) : std::nullopt;
  if (!value) {
    fuse_reply_err(request, ENODATA);
    return;
  }
  ReplyAttribute(request, *value, size);
}

void Requests::ListExtendedAttributes(fuse_req_t request, fuse_ino_t ino, std::size_t size) {
  const NodePtr node = table_.Find(ino);
  ReplyAttribute(request, node ? ExtendedAttributeNames(*node) : "", size);
}

void Requests::StatFileSystem(fuse_req_t request) {
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

}  // namespace reposfs
