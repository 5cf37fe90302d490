#pragma once

// A part of a run: it does what needs no worker, gives jobs, and takes back what became of them.
// Phases follow each other over one fleet (run.h), and know nothing of it. One thread.
//
// Killed at any point, a phase leaves what the next run does not have to do again, and nothing that
// it takes for done.

#include <string>

#include "common/error/result.h"
#include "common/jobs/job.h"
#include "supervisor/run/job_queue.h"
#include "supervisor/run/output/report.h"

namespace forkdex {

class Phase {
 public:
  Phase() = default;
  Phase(const Phase&) = delete;
  Phase& operator=(const Phase&) = delete;
  virtual ~Phase() = default;

  /// What progress shows at the moment, beside the counts of files; may be empty.
  virtual std::string progress() const = 0;

  /// Jobs for the fleet; none when the phase is over. Called again when all jobs that it gave are
  /// finished, and after an error that said that the database is away, once it is back. BLOCKS for
  /// what needs no worker. ERRORS of radius run.
  virtual Result<JobQueue> next_jobs() = 0;

  /// Whether its jobs are for workers that have opened the models.
  virtual bool embeds() const { return false; }

  /// Notes what became of a job. ERRORS of radius run; those that say that the database is away end
  /// nothing, and the job is noted all the same.
  virtual Result<void> finished(unsigned worker, const Job& job, const Outcome& outcome) = 0;

  /// Called several times a second while jobs are out and the database answers. ERRORS as finished.
  virtual Result<void> tick() { return {}; }

  /// Adds to the report what the phase has counted, however far it came.
  virtual void contribute(RunFacts& facts) const = 0;
};

}  // namespace forkdex
