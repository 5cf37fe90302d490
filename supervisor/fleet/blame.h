#pragma once

// Which jobs a worker's death may be put down to. A death accuses a job only if the job can have
// caused it: a fault signal, memory run out, our own deadline, an end by the worker's own doing. A
// kill from elsewhere, a lost database and one that does not answer accuse nobody. Pure.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/error/result.h"
#include "common/jobs/job.h"
#include "common/protocol/segment.h"
#include "supervisor/process/exit_cause.h"

namespace forkdex {

/// What a job is quarantined for.
enum class Fault : std::uint8_t { kCrashed, kOutOfMemory, kTimedOut };
/// The `reason` of a quarantined file: "crashed", "out_of_memory", "timed_out".
std::string_view name(Fault fault);

struct Blame {
  std::optional<Fault> fault;  ///< none: nothing the worker did
  std::string cause;           ///< what happened, for a person
  /// Jobs that were active in the stage the worker died in, or whose outcome could not be read; no
  /// other job is accused.
  std::vector<std::uint64_t> suspects;

  bool accuses(std::uint64_t job_id) const;
};

/// `failure` is what the worker said of itself, `held` the jobs it had, `stderr_tail` the end of
/// its standard error.
Blame assign_blame(const ExitCause& cause, const std::optional<Error>& failure,
                   std::span<const JobSender::Held> held, std::string_view stderr_tail);

}  // namespace forkdex
