#pragma once

// What crosses the border between supervisor and worker, as an envelope: a job goes out, an outcome
// comes back. The payload says what the job is about; only the phase and the worker's handler of
// its kind open it (one file of this folder a kind).

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "common/base/fields.h"
#include "common/base/hash.h"

namespace forkdex {

enum class JobKind : std::uint8_t {
  kIndexFile,   ///< index_file.h
  kEmbedTexts,  ///< embed_texts.h
  kEmbedQuery,  ///< embed_query.h
  kMergeWords,  ///< merge_words.h
};
inline constexpr std::size_t kJobKinds = 4;

/// The most bytes of a job's payload, and of an outcome's.
inline constexpr std::size_t kMaxJobPayload = 8 << 10;
inline constexpr std::size_t kMaxOutcomePayload = 36 << 10;

struct Job {
  std::uint64_t id = 0;  ///< the supervisor's number for the job, unique in a phase
  JobKind kind = JobKind::kIndexFile;
  /// 1 for the first; more once a worker died over the job (not: beside it).
  std::uint32_t attempt = 1;
  /// A worker that had begun with the job died: something of it may be stored.
  bool taken_before = false;
  /// A worker died while it stored the job's result: whether that was committed is in doubt.
  bool in_doubt = false;
  std::string payload = {};  ///< encode() of the kind's struct, at most kMaxJobPayload

  // Stays with the supervisor.
  std::string label = {};  ///< for lists and the log, escaped: a path, or what it is about
  std::uint64_t cost = 0;  ///< about what it takes, in a unit of its kind: bytes, tokens
  std::string memo = {};   ///< what the phase that made the job will want to know again
};

template <class Visit, FieldsOf<Job> Self>
void visit_fields(Visit&& visit, Self& job) {
  visit(job.id, job.kind, job.attempt, job.taken_before, job.in_doubt, job.payload, job.label,
        job.cost, job.memo);
}

/// How a job ended.
enum class JobEnd : std::uint8_t {
  kDone,         ///< the payload says what came of it
  kSkipped,      ///< nothing was to be done with it, see `reason`
  kFailed,       ///< `reason` prevented it
  kQuarantined,  ///< one worker after the other died over it; no worker says so
};

/// CPU time by thread clock.
struct StageTimes {
  std::chrono::nanoseconds read{0};
  std::chrono::nanoseconds parse{0};
  std::chrono::nanoseconds embed{0};
  std::chrono::nanoseconds store{0};

  StageTimes& operator+=(const StageTimes& other) {
    read += other.read;
    parse += other.parse;
    embed += other.embed;
    store += other.store;
    return *this;
  }
};

struct Outcome {
  std::uint64_t job_id = 0;
  JobEnd end = JobEnd::kDone;
  std::string reason = {};  ///< ErrorTraits::name of what prevented it, or empty
  std::string detail = {};  ///< for a person; may be empty
  StageTimes times = {};
  std::chrono::nanoseconds elapsed{0};  ///< wall, from taken to done
  std::string payload = {};             ///< encode() of the kind's result
  /// Of a quarantined job, as far as its file was read: SHA-256 of the bytes.
  std::optional<Sha256> content_hash = {};
};

}  // namespace forkdex
