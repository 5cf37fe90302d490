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

/// Text of bounded length in shared memory. What is too long is cut before a UTF-8 sequence that
/// does not fit. Reading clamps the length, whatever the peer wrote.
template <std::size_t kBytes>
struct SharedText {
  std::uint32_t length;
  char bytes[kBytes];

  void set(std::string_view text) {
    length = static_cast<std::uint32_t>(code_point_border(text, kBytes));
    std::memcpy(bytes, text.data(), length);
  }
  std::string get() const {
    const std::uint32_t written = *const_cast<const volatile std::uint32_t*>(&length);
    const std::size_t size = std::min<std::size_t>(written, kBytes);
    return std::string(bytes, size);
  }
};

/// Bytes of bounded length in shared memory. Reading clamps the length, whatever the peer wrote.
template <std::size_t kBytes>
struct SharedBytes {
  std::uint32_t length;
  char bytes[kBytes];

  /// REQUIRES written.size() <= kBytes.
  void set(std::string_view written) {
    length = static_cast<std::uint32_t>(std::min(written.size(), kBytes));
    std::memcpy(bytes, written.data(), length);
  }
  std::string get() const {
    const std::uint32_t written = *const_cast<const volatile std::uint32_t*>(&length);
    return {bytes, std::min<std::size_t>(written, kBytes)};
  }
};

/// One job and its outcome. Pages of a payload that nobody writes take no memory.
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
