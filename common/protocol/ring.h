#pragma once

// A single-producer single-consumer ring in shared memory. Each end keeps its own position in
// private memory and only publishes it, so a peer that dies, or writes nonsense into the shared
// part, can stall the ring or make it report damage, but never make this side read or write
// outside of it. There is no lock to be left held by a process that was killed.
//
// Memory order: an item is written before the position that publishes it (release), and that
// position is read before the item (acquire).

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

namespace forkdex {

/// The part both processes map. Zero-filled memory is an empty ring.
template <class Item, std::uint32_t kCapacity>
struct SharedRing {
  static_assert((kCapacity & (kCapacity - 1)) == 0, "positions wrap by masking");
  static_assert(std::atomic<std::uint32_t>::is_always_lock_free);
  alignas(64) std::atomic<std::uint32_t> head{0};  ///< written by the producer: items ever pushed
  alignas(64) std::atomic<std::uint32_t> tail{0};  ///< written by the consumer: items ever popped
  alignas(64) std::array<std::atomic<Item>, kCapacity> items{};
};

template <class Item, std::uint32_t kCapacity>
class RingProducer {
 public:
  explicit RingProducer(SharedRing<Item, kCapacity>& shared) : shared_(&shared) {}

  /// Appends `item`. False when the ring is full, or when the consumer's position is impossible.
  bool push(Item item) {
    const std::uint32_t used = head_ - shared_->tail.load(std::memory_order_acquire);
    if (used >= kCapacity) return false;
    shared_->items[head_ & (kCapacity - 1)].store(item, std::memory_order_relaxed);
    shared_->head.store(++head_, std::memory_order_release);
    return true;
  }

 private:
  SharedRing<Item, kCapacity>* shared_;
  std::uint32_t head_ = 0;
};

template <class Item, std::uint32_t kCapacity>
class RingConsumer {
 public:
  explicit RingConsumer(SharedRing<Item, kCapacity>& shared) : shared_(&shared) {}

  /// Takes the oldest item, or nothing when there is none or the ring is damaged.
  std::optional<Item> pop() {
    const std::uint32_t waiting = shared_->head.load(std::memory_order_acquire) - tail_;
    if (waiting > kCapacity) damaged_ = true;
    if (waiting == 0 || damaged_) return std::nullopt;
    const Item item = shared_->items[tail_ & (kCapacity - 1)].load(std::memory_order_relaxed);
    shared_->tail.store(++tail_, std::memory_order_release);
    return item;
  }

  /// Whether the producer's position was ever impossible. Stays true.
  bool damaged() const { return damaged_; }

 private:
  SharedRing<Item, kCapacity>* shared_;
  std::uint32_t tail_ = 0;
  bool damaged_ = false;
};

}  // namespace forkdex
