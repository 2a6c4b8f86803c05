#include "fs/node_table.h"

#include <algorithm>
#include <limits>
#include <random>
#include <utility>

#include "base/freed_memory.h"

namespace reposfs {
namespace {

constexpr int kSlotBitsMin = 6;

constexpr std::size_t kNodeBytes = 96;  // Of a file: most are.

std::uint64_t OddSecret() {
  std::random_device random;
  return (std::uint64_t{random()} << 32 | random()) | 1;
}

}  // namespace

NodeTable::NodeTable(NodePtr root)
    : root_(std::move(root)),
      secret_(OddSecret()),
      slots_(std::size_t{1} << kSlotBitsMin),
      slot_bits_(kSlotBitsMin) {}

std::size_t NodeTable::PlaceOf(std::uint64_t ino) const {
  // The high bits of a product depend on all bits of its factors.
  return (ino * secret_) >> (64 - slot_bits_);
}

std::size_t NodeTable::SlotOf(std::uint64_t ino) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = PlaceOf(ino);
  while (slots_[slot] && slots_[slot]->ino() != ino) slot = (slot + 1) & mask;
  return slot;
}

NodePtr NodeTable::Find(std::uint64_t ino) const {
  if (ino == root_->ino()) return root_;
  MutexLock lock(mutex_);
  return slots_[SlotOf(ino)];
}

NodePtr NodeTable::Remember(NodePtr node) {
  // Asked before the lock is taken: it is the node's own business.
  const bool holds_file = node->held_place().has_value();
  MutexLock lock(mutex_);
  while (true) {
    NodePtr& here = slots_[SlotOf(node->ino())];
    if (here && here->identity().check != node->identity().check) {
      node->MoveTo(node->ino() + 1);
      continue;
    }
    if (here) {
      if (here->lookup_count_ < std::numeric_limits<std::uint32_t>::max()) ++here->lookup_count_;
      return here;
    }
    node->lookup_count_ = 1;
    here = node;
    ++size_;
    if (holds_file) held_.insert(node->ino());
    if (size_ > slots_.size() / 4 * 3) ResizeLocked(slots_.size() * 2);
    return node;
  }
}

void NodeTable::Forget(std::uint64_t ino, std::uint64_t count) {
  NodePtr forgotten;  // Destroyed after the lock is released.
  MutexLock lock(mutex_);
  const std::size_t slot = SlotOf(ino);
  if (!slots_[slot]) return;
  Node& node = *slots_[slot];
  node.lookup_count_ -=
      static_cast<std::uint32_t>(std::min<std::uint64_t>(count, node.lookup_count_));
  if (node.lookup_count_ > 0) return;
  forgotten = TakeOutLocked(slot);
  held_.erase(ino);
  FreedMemory::OfProcess().NoteFreed(kNodeBytes);
  const bool sparse = size_ < slots_.size() / 8;
  if (sparse && slot_bits_ > kSlotBitsMin) ResizeLocked(slots_.size() / 2);
}

NodePtr NodeTable::TakeOutLocked(std::size_t slot) {
  NodePtr taken = std::move(slots_[slot]);
  --size_;
  // Those that follow move up, as far as the places that their numbers hash to allow (3).
  const std::size_t mask = slots_.size() - 1;
  std::size_t empty = slot;
  for (std::size_t next = (slot + 1) & mask; slots_[next]; next = (next + 1) & mask) {
    const std::size_t distance_from_place = (next - PlaceOf(slots_[next]->ino())) & mask;
    const std::size_t distance_from_empty = (next - empty) & mask;
    if (distance_from_place < distance_from_empty) continue;
    slots_[empty] = std::move(slots_[next]);
    empty = next;
  }
  return taken;
}

void NodeTable::ResizeLocked(std::size_t slot_count) {
  std::vector<NodePtr> before(slot_count);
  before.swap(slots_);
  slot_bits_ = 0;
  while (std::size_t{1} << slot_bits_ < slot_count) ++slot_bits_;
  for (NodePtr& node : before) {
    if (!node) continue;
    const std::size_t slot = SlotOf(node->ino());
    slots_[slot] = std::move(node);
  }
}

std::vector<NodePtr> NodeTable::HeldFiles(const Repository& repository) const {
  std::vector<NodePtr> candidates;
  {
    MutexLock lock(mutex_);
    candidates.reserve(held_.size());
    for (const std::uint64_t ino : held_) candidates.push_back(slots_[SlotOf(ino)]);
  }
  std::erase_if(candidates,
                [&](const NodePtr& node) { return node->repository().get() != &repository; });
  return candidates;
}

std::size_t NodeTable::size() const {
  MutexLock lock(mutex_);
  return size_;
}

}  // namespace reposfs
