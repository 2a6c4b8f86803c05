#include "fs/node_table.h"

#include <utility>

namespace reposfs {

NodeTable::NodeTable(NodePtr root) : root_(std::move(root)) {}

NodePtr NodeTable::Find(std::uint64_t ino) const {
  if (ino == root_->ino()) return root_;
  MutexLock lock(mutex_);
  const auto found = slots_.find(ino);
  return found != slots_.end() ? found->second.node : nullptr;
}

NodePtr NodeTable::Remember(NodePtr node) {
  MutexLock lock(mutex_);
  while (true) {
    const auto [slot, added] = slots_.try_emplace(node->ino(), Slot{node, 0});
    Slot& here = slot->second;
    if (added || here.node->identity().check == node->identity().check) {
      ++here.lookup_count;
      return here.node;
    }
    node->MoveTo(node->ino() + 1);
  }
}

void NodeTable::Forget(std::uint64_t ino, std::uint64_t count) {
  NodePtr forgotten;  // Destroyed after the lock is released.
  MutexLock lock(mutex_);
  const auto found = slots_.find(ino);
  if (found == slots_.end()) return;
  Slot& slot = found->second;
  slot.lookup_count -= count < slot.lookup_count ? count : slot.lookup_count;
  if (slot.lookup_count > 0) return;
  forgotten = std::move(slot.node);
  slots_.erase(found);
}

std::vector<NodePtr> NodeTable::HeldFiles(const Repository& repository) const {
  std::vector<NodePtr> candidates;
  {
    MutexLock lock(mutex_);
    for (const auto& [ino, slot] : slots_) {
      if (slot.node->held_place()) candidates.push_back(slot.node);
    }
  }
  std::erase_if(candidates,
                [&](const NodePtr& node) { return node->repository().get() != &repository; });
  return candidates;
}

std::size_t NodeTable::size() const {
  MutexLock lock(mutex_);
  return slots_.size();
}

}  // namespace reposfs
