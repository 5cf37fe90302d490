#pragma once

// How the memory that common/protocol/segment.h describes is laid out. For segment.cpp, which alone
// knows who may write what when.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "common/base/utf8.h"
#include "common/protocol/ring.h"
#include "common/protocol/segment.h"

namespace forkdex {

/// Reads a value that the peer may write meanwhile: what is checked is what is used.
template <class T>
T read_once(const T& shared) {
  return *const_cast<const volatile T*>(&shared);
}

/// Bytes of bounded length in shared memory. Reading clamps a length that the peer wrote.
template <std::size_t kBytes>
struct SharedBytes {
  std::uint32_t length;
  char bytes[kBytes];

  /// REQUIRES written.size() <= kBytes.
  void set(std::string_view written) {
    length = static_cast<std::uint32_t>(std::min(written.size(), kBytes));
    std::memcpy(bytes, written.data(), length);
  }
  std::string get() const { return {bytes, std::min<std::size_t>(read_once(length), kBytes)}; }
};

/// The same for text. What is too long is cut before a UTF-8 sequence that does not fit.
template <std::size_t kBytes>
struct SharedText : SharedBytes<kBytes> {
  void set(std::string_view text) {
    SharedBytes<kBytes>::set(text.substr(0, code_point_border(text, kBytes)));
  }
};

/// One job and its outcome. A page of a payload takes memory once it is written.
struct Slot {
  std::atomic<SlotState> state;
  std::atomic<Stage> stage;
  std::atomic<std::int64_t> stage_since_ns;  // CLOCK_MONOTONIC, one for all processes
  std::atomic<std::uint32_t> hash_written;
  std::uint8_t content_hash[32];
  // The job, written by the supervisor while the slot is FREE.
  std::uint64_t job_id;
  std::uint32_t attempt;
  JobKind kind;
  std::uint8_t taken_before;
  std::uint8_t in_doubt;
  SharedBytes<kMaxJobPayload> job;
  // The outcome, written by the worker while the slot is TAKEN.
  JobEnd end;
  std::int64_t read_ns, parse_ns, embed_ns, store_ns, elapsed_ns;
  SharedText<32> reason;
  SharedText<1024> detail;
  SharedBytes<kMaxOutcomePayload> result;
};

using SlotRing = SharedRing<std::uint32_t, kSlots>;
using SlotProducer = RingProducer<std::uint32_t, kSlots>;
using SlotConsumer = RingConsumer<std::uint32_t, kSlots>;

/// Zero-filled memory is a valid, idle segment.
struct SegmentLayout {
  SlotRing jobs;
  SlotRing outcomes;
  std::atomic<WorkerPhase> phase;
  std::atomic<std::uint32_t> stop;
  std::atomic<std::int64_t> idle_ns;
  std::atomic<std::int64_t> beat_ns;
  std::atomic<std::uint32_t> failure_written;
  std::uint32_t failure_code;
  SharedText<1024> failure_sentence;
  SharedText<1024> failure_context;
  SharedText<512> sandbox_gaps;
  std::array<Slot, kSlots> slots;
};

}  // namespace forkdex
