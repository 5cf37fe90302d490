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
    const std::size_t size = std::min<std::size_t>(length, kBytes);
    return std::string(bytes, size);
  }
};

struct Slot {
  std::atomic<SlotState> state;
  std::atomic<Stage> stage;
  std::atomic<std::int64_t> stage_since_ns;  // CLOCK_MONOTONIC, one for all processes
  std::atomic<std::uint32_t> hash_written;
  std::uint8_t content_hash[32];
  std::uint64_t job_id;
  // The job, written by the supervisor while the slot is FREE.
  std::uint32_t attempt;
  JobKind kind;
  std::uint8_t known;
  std::uint8_t in_doubt;
  std::uint8_t known_hash[32];
  StatSignature signature;
  SharedText<64> blob_oid;
  SharedText<kMaxPathBytes> path;
  // The outcome, written by the worker while the slot is TAKEN.
  std::uint32_t outcome_state;
  std::uint32_t chunks, embedded, reused;
  std::uint64_t bytes, tokens;
  SharedText<64> read_blob_oid;
  std::int64_t read_ns, parse_ns, embed_ns, store_ns, elapsed_ns;
  SharedText<32> reason;
  SharedText<32> language;
  SharedText<1024> detail;
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
  std::uint32_t dimension;
  float vector[kMaxVectorDimension];
  std::array<Slot, kSlots> slots;
};

}  // namespace forkdex
