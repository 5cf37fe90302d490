#pragma once

// The shared memory of one supervisor and one worker incarnation: a table of slots, one job each,
// and two rings of slot numbers (jobs out, outcomes back).
//
//   FREE --offer()--> READY --take()--> TAKEN --finish()--> DONE --collect()--> FREE
//   supervisor                worker              worker             supervisor
//
// The memory is an anonymous file (memfd) handed over as a descriptor: it has no name that a
// killed process could leave behind. When an incarnation dies, its segment is thrown away; what
// was READY or TAKEN in it is known to the supervisor from its own table (held()).
//
// Neither side trusts the other's memory: lengths are clamped, enumerators checked, times bounded
// by now and texts made UTF-8 without NUL on reading. Payloads cross unopened;
// common/jobs/payload.h says whether a worker can have meant one.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/hash.h"
#include "common/base/unique_fd.h"
#include "common/error/result.h"
#include "common/jobs/job.h"

namespace forkdex {

inline constexpr std::uint32_t kSlots = 64;  ///< the most jobs a worker can hold

enum class SlotState : std::uint32_t { kFree, kReady, kTaken, kDone };

/// What a worker does with a job at the moment. A job that waits for others of its group is at
/// kWaiting: only what is active can have caused what happens.
enum class Stage : std::uint32_t { kWaiting, kRead, kParse, kEmbed, kStore };
std::string_view name(Stage stage);

/// What a worker says of itself.
enum class WorkerPhase : std::uint32_t { kStarting, kReady, kFailed };

struct SegmentLayout;

/// What both ends share: the mapping and the two eventfds that wake the other side.
class Segment {
 public:
  Segment(Segment&&) noexcept;
  Segment& operator=(Segment&&) noexcept;
  ~Segment();

  int memory_fd() const { return memory_.get(); }
  int jobs_fd() const { return jobs_ready_.get(); }          ///< readable: the worker may look
  int outcomes_fd() const { return outcomes_ready_.get(); }  ///< readable: the supervisor may look

 protected:
  static Result<Segment> map(UniqueFd memory, UniqueFd jobs_ready, UniqueFd outcomes_ready);
  Segment(UniqueFd memory, UniqueFd jobs_ready, UniqueFd outcomes_ready);

  UniqueFd memory_;
  UniqueFd jobs_ready_;
  UniqueFd outcomes_ready_;
  struct Mapping;
  std::unique_ptr<Mapping> mapping_;
  SegmentLayout* layout_ = nullptr;
};

/// The supervisor's end.
class JobSender : public Segment {
 public:
  /// Makes the memory and the eventfds. ERRORS kBug with errno (out of descriptors or memory).
  static Result<JobSender> create();

  JobSender(JobSender&&) noexcept;
  JobSender& operator=(JobSender&&) noexcept;
  ~JobSender();

  /// Hands `job` out. False when every slot is in use, or its payload is beyond kMaxJobPayload.
  bool offer(const Job& job);
  /// Takes back the next outcome. ERRORS kRingBroken when what the worker wrote cannot be true.
  Result<std::optional<Outcome>> collect();
  /// The ids handed out and not collected, with the stage each was last seen in.
  struct Held {
    std::uint64_t job_id;
    SlotState state;
    Stage stage;
    std::chrono::steady_clock::time_point since;  ///< when it entered the stage, or moved in it
    std::optional<Sha256> content_hash;           ///< of its bytes, once they were read
  };
  std::vector<Held> held() const;
  /// The id of the job the worker is busy with, if any.
  std::optional<std::uint64_t> active() const;

  /// Tells the worker to finish what it has TAKEN, leave what is READY, and exit 0.
  void request_stop();

  WorkerPhase phase() const;
  /// When the worker last took, moved or finished a job; the epoch before the first.
  std::chrono::steady_clock::time_point last_beat() const;
  /// Why the worker gave up, once phase() is kFailed or it ended by itself.
  std::optional<Error> failure() const;
  std::chrono::nanoseconds idle() const;
  /// What the worker could not give up, for a person; empty when the sandbox is whole.
  std::string sandbox_gaps() const;

 private:
  struct State;
  explicit JobSender(Segment&& segment);
  std::unique_ptr<State> state_;
};

/// The worker's end.
class JobReceiver : public Segment {
 public:
  /// Maps what the supervisor made. ERRORS kRingBroken.
  static Result<JobReceiver> attach(UniqueFd memory, UniqueFd jobs_ready, UniqueFd outcomes_ready);

  JobReceiver(JobReceiver&&) noexcept;
  JobReceiver& operator=(JobReceiver&&) noexcept;
  ~JobReceiver();

  struct Taken {
    std::uint32_t slot = 0;
    Job job;  ///< without what stays with the supervisor
  };
  /// Takes the next job, if one is READY and no stop was requested.
  Result<std::optional<Taken>> take();
  /// Waits until there is a job or a stop. BLOCKS without limit; the supervisor's death ends us.
  void wait();
  bool stop_requested() const;

  /// The job in `slot` is at `stage` from now on; again, while it is: it still moves.
  void enter(std::uint32_t slot, Stage stage);
  /// Tells what the bytes of the job in `slot` are, should they be our end.
  void set_content_hash(std::uint32_t slot, const Sha256& hash);
  /// Publishes what became of the job in `slot`. REQUIRES a payload within kMaxOutcomePayload.
  void finish(std::uint32_t slot, const Outcome& outcome);

  void set_sandbox_gaps(std::string_view gaps);
  void set_ready();
  void set_failure(const Error& error);
  void add_idle(std::chrono::nanoseconds idle);

 private:
  struct State;
  explicit JobReceiver(Segment&& segment);
  std::unique_ptr<State> state_;
};

}  // namespace forkdex
