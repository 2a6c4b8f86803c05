// What the kernel asks, answered by nodes.
//
// Each request looks its node up, lets it answer, and replies; or is parked until the node's flight
// has landed, and tries again.
//
// Thread-safety: every method may be called from any thread.
//
// Invariants:
//   (1) Every request is answered exactly once.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/thread_pool.h"
#include "cache/repository_cache.h"
#include "fs/fuse_entries.h"
#include "fs/kernel_agreement.h"
#include "fs/listing_cache.h"
#include "fs/node_table.h"
#include "fs/parking_lot.h"

namespace reposfs {

class Requests {
 public:
  // Those that `request` belongs to: the session's user data.
  static Requests& Of(fuse_req_t request) {
    return *static_cast<Requests*>(fuse_req_userdata(request));
  }

  // `cache` must outlive this.
  Requests(NodePtr root, Ownership owner, RepositoryCache& cache);
  ~Requests() { Stop(); }
  Requests(const Requests&) = delete;
  Requests& operator=(const Requests&) = delete;

  void Lookup(fuse_req_t request, fuse_ino_t parent, std::string name);
  void Forget(fuse_ino_t ino, std::uint64_t count) { table_.Forget(ino, count); }
  void GetAttributes(fuse_req_t request, fuse_ino_t ino);
  void ReadLink(fuse_req_t request, fuse_ino_t ino);
  void Read(fuse_req_t request, fuse_ino_t ino, std::size_t size, off_t offset);
  void List(fuse_req_t request, fuse_ino_t ino, std::size_t size, off_t offset, bool plus);
  void GetExtendedAttribute(fuse_req_t request, fuse_ino_t ino, const char* name, std::size_t size);
  void ListExtendedAttributes(fuse_req_t request, fuse_ino_t ino, std::size_t size);
  void StatFileSystem(fuse_req_t request);

  // Ends every request that waits; those that come later do not wait.
  void Close() { lot_.Close(); }
  // The same, and waits for those that are being answered in threads of ours.
  void Stop();

  // What was agreed upon before the first request.
  void SetKernelAgreement(KernelAgreement agreement) REPOSFS_EXCLUDES(agreement_mutex_);
  KernelAgreement kernel_agreement() const REPOSFS_EXCLUDES(agreement_mutex_);

  const NodeTable& table() const { return table_; }
  std::size_t parked_count() const { return lot_.size(); }

 private:
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

  void ReplyEntry(fuse_req_t request, NodePtr node);
  // As many entries of `listing` as fit; `index` becomes that of the first that does not.
  void FillBrief(const Listing& listing, std::size_t& index, EntryBuffer& buffer) const;
  // The same with the attributes of those that are here.
  void FillLookedUp(const Listing& listing, const Node::LookupIfHere& lookup, std::size_t& index,
                    EntryBuffer& buffer);
  // `value`, or its size if `size` is zero.
  static void ReplyAttribute(fuse_req_t request, const std::string& value, std::size_t size);

  const Ownership owner_;
  RepositoryCache& cache_;
  NodeTable table_;
  ListingCache listings_;
  ThreadPool answering_;
  ParkingLot lot_;

  mutable Mutex agreement_mutex_;  // A leaf lock.
  KernelAgreement kernel_agreement_ REPOSFS_GUARDED_BY(agreement_mutex_);
};

}  // namespace reposfs
