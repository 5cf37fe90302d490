#pragma once

// What a worker does with jobs of one kind. Killed at any point, a handler leaves at most one open
// transaction, which the server rolls back.

#include "common/error/result.h"
#include "common/protocol/segment.h"

namespace forkdex {

class JobHandler {
 public:
  JobHandler() = default;
  JobHandler(const JobHandler&) = delete;
  JobHandler& operator=(const JobHandler&) = delete;
  virtual ~JobHandler() = default;

  /// Finishes the job, or holds it until flush(). What one job is to blame for becomes its outcome.
  /// ERRORS of radius worker or run; kRingBroken for a payload of another kind.
  virtual Result<void> take(JobReceiver::Taken taken) = 0;
  /// Whether flush() should come before the next job.
  virtual bool full() const { return false; }
  /// Finishes the jobs that are held. ERRORS as take.
  virtual Result<void> flush() { return {}; }
};

/// What a handler says of a payload of another kind.
inline Error unreadable_payload() {
  return {ErrorCode::kRingBroken, "a job's payload is not one of its kind", ""};
}

}  // namespace forkdex
