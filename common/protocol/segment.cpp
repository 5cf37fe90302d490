#include "common/protocol/segment.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <boost/interprocess/mapped_region.hpp>

#include "common/base/plausible.h"
#include "common/jobs/payload.h"
#include "common/protocol/segment_layout.h"

namespace forkdex {

namespace ipc = boost::interprocess;

namespace {

static_assert(std::atomic<SlotState>::is_always_lock_free);
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

/// What mapped_region asks of something that can be mapped.
struct MemoryFile {
  int fd;
  ipc::mapping_handle_t get_mapping_handle() const { return {fd, false}; }
};

void wake(int event_fd) {
  const std::uint64_t one = 1;
  // The counter is far from its limit; EAGAIN would still leave the reader awake.
  [[maybe_unused]] const auto written = ::write(event_fd, &one, sizeof one);
}

void drain(int event_fd) {
  std::uint64_t count;
  [[maybe_unused]] const auto got = ::read(event_fd, &count, sizeof count);
}

std::int64_t now_ns() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::chrono::steady_clock::time_point time_of(std::int64_t ns) {
  return std::chrono::steady_clock::time_point(plausible_time(std::chrono::nanoseconds(ns)));
}

Error broken(std::string sentence) { return {ErrorCode::kRingBroken, std::move(sentence), ""}; }

}  // namespace

std::string_view name(Stage stage) {
  constexpr std::array<std::string_view, 5> kNames = {"waiting", "read", "parse", "embed", "store"};
  const auto index = static_cast<std::size_t>(stage);
  return index < kNames.size() ? kNames[index] : "unknown";
}

struct Segment::Mapping {
  ipc::mapped_region region;
};

Segment::Segment(UniqueFd memory, UniqueFd jobs_ready, UniqueFd outcomes_ready)
    : memory_(std::move(memory)),
      jobs_ready_(std::move(jobs_ready)),
      outcomes_ready_(std::move(outcomes_ready)) {}
Segment::Segment(Segment&&) noexcept = default;
Segment& Segment::operator=(Segment&&) noexcept = default;
Segment::~Segment() = default;

Result<Segment> Segment::map(UniqueFd memory, UniqueFd jobs_ready, UniqueFd outcomes_ready) try {
  Segment segment(std::move(memory), std::move(jobs_ready), std::move(outcomes_ready));
  segment.mapping_ = std::make_unique<Mapping>(ipc::mapped_region(
      MemoryFile{segment.memory_fd()}, ipc::read_write, 0, sizeof(SegmentLayout)));
  segment.layout_ = static_cast<SegmentLayout*>(segment.mapping_->region.get_address());
  return segment;
} catch (const ipc::interprocess_exception& error) {
  return broken(std::string("the job segment cannot be mapped: ") + error.what());
}

// ---- the supervisor's end

struct JobSender::State {
  explicit State(SegmentLayout& layout) : jobs(layout.jobs), outcomes(layout.outcomes) {
    for (std::uint32_t slot = kSlots; slot-- > 0;) free.push_back(slot);
  }
  SlotProducer jobs;
  SlotConsumer outcomes;
  std::vector<std::uint32_t> free;
  struct HandedOut {
    std::uint64_t job_id;
    JobKind kind;
  };
  std::array<std::optional<HandedOut>, kSlots> handed_out{};  // by slot
};

JobSender::JobSender(Segment&& segment)
    : Segment(std::move(segment)), state_(std::make_unique<State>(*layout_)) {}
JobSender::JobSender(JobSender&&) noexcept = default;
JobSender& JobSender::operator=(JobSender&&) noexcept = default;
JobSender::~JobSender() = default;

Result<JobSender> JobSender::create() {
  UniqueFd memory(::memfd_create("forkdex-jobs", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  UniqueFd jobs(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  UniqueFd outcomes(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!memory.valid() || !jobs.valid() || !outcomes.valid() ||
      ::ftruncate(memory.get(), sizeof(SegmentLayout)) != 0)
    return system_error(ErrorCode::kBug, "the job segment cannot be created", errno);
  // A worker that shrank the file would make our next read a SIGBUS.
  ::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  auto segment = map(std::move(memory), std::move(jobs), std::move(outcomes));
  if (!segment) return segment.error();
  return JobSender(*std::move(segment));
}

bool JobSender::offer(const Job& job) {
  if (state_->free.empty() || job.payload.size() > kMaxJobPayload) return false;
  const std::uint32_t index = state_->free.back();
  Slot& slot = layout_->slots[index];
  slot.job_id = job.id;
  slot.attempt = job.attempt;
  slot.kind = job.kind;
  slot.taken_before = job.taken_before;
  slot.in_doubt = job.in_doubt;
  slot.job.set(job.payload);
  slot.stage.store(Stage::kWaiting, std::memory_order_relaxed);
  slot.stage_since_ns.store(now_ns(), std::memory_order_relaxed);
  slot.hash_written.store(0, std::memory_order_relaxed);
  slot.state.store(SlotState::kReady, std::memory_order_release);
  if (!state_->jobs.push(index)) return false;
  state_->free.pop_back();
  state_->handed_out[index] = {job.id, job.kind};
  wake(jobs_fd());
  return true;
}

Result<std::optional<Outcome>> JobSender::collect() {
  drain(outcomes_fd());
  const auto index = state_->outcomes.pop();
  if (state_->outcomes.damaged()) return broken("the outcome ring holds an impossible position");
  if (!index) return std::optional<Outcome>();
  if (*index >= kSlots || !state_->handed_out[*index] ||
      layout_->slots[*index].state.load(std::memory_order_acquire) != SlotState::kDone)
    return broken("an outcome names a slot that holds no finished job");
  Slot& slot = layout_->slots[*index];
  const auto [job_id, kind] = *state_->handed_out[*index];
  Outcome outcome;
  outcome.job_id = job_id;
  outcome.end = read_once(slot.end);
  outcome.payload = slot.result.get();
  if (!is_result_of(kind, outcome.end, outcome.payload))
    return broken("an outcome is not one that a worker gives for its kind of job");
  outcome.reason = plausible_text(slot.reason.get());
  outcome.detail = plausible_text(slot.detail.get());
  outcome.times.read = plausible_time(std::chrono::nanoseconds(slot.read_ns));
  outcome.times.parse = plausible_time(std::chrono::nanoseconds(slot.parse_ns));
  outcome.times.embed = plausible_time(std::chrono::nanoseconds(slot.embed_ns));
  outcome.times.store = plausible_time(std::chrono::nanoseconds(slot.store_ns));
  outcome.elapsed = plausible_time(std::chrono::nanoseconds(slot.elapsed_ns));
  state_->handed_out[*index].reset();
  state_->free.push_back(*index);
  slot.state.store(SlotState::kFree, std::memory_order_release);
  return std::optional<Outcome>(std::move(outcome));
}

std::vector<JobSender::Held> JobSender::held() const {
  std::vector<Held> held;
  for (std::uint32_t index = 0; index < kSlots; ++index) {
    if (!state_->handed_out[index]) continue;
    const Slot& slot = layout_->slots[index];
    Held job{state_->handed_out[index]->job_id,
             slot.state.load(std::memory_order_acquire),
             slot.stage.load(std::memory_order_relaxed),
             time_of(slot.stage_since_ns.load(std::memory_order_relaxed)),
             {}};
    if (slot.hash_written.load(std::memory_order_acquire) == 1)
      std::memcpy(job.content_hash.emplace().data(), slot.content_hash, sizeof slot.content_hash);
    held.push_back(job);
  }
  return held;
}

std::optional<std::uint64_t> JobSender::active() const {
  std::optional<std::uint64_t> taken;
  for (const Held& held : this->held()) {
    if (held.state != SlotState::kTaken) continue;
    if (held.stage != Stage::kWaiting) return held.job_id;
    taken = held.job_id;
  }
  return taken;
}

void JobSender::request_stop() {
  layout_->stop.store(1, std::memory_order_release);
  wake(jobs_fd());
}

WorkerPhase JobSender::phase() const { return layout_->phase.load(std::memory_order_acquire); }

std::chrono::steady_clock::time_point JobSender::last_beat() const {
  return time_of(layout_->beat_ns.load(std::memory_order_relaxed));
}

std::optional<Error> JobSender::failure() const {
  if (layout_->failure_written.load(std::memory_order_acquire) != 1) return std::nullopt;
  const std::uint32_t code =
      std::min<std::uint32_t>(layout_->failure_code, static_cast<std::uint32_t>(ErrorCode::kBug));
  return Error{static_cast<ErrorCode>(code), plausible_text(layout_->failure_sentence.get()),
               plausible_text(layout_->failure_context.get())};
}

std::chrono::nanoseconds JobSender::idle() const {
  return plausible_time(std::chrono::nanoseconds(layout_->idle_ns.load(std::memory_order_relaxed)));
}

std::string JobSender::sandbox_gaps() const { return plausible_text(layout_->sandbox_gaps.get()); }

// ---- the worker's end

struct JobReceiver::State {
  explicit State(SegmentLayout& layout) : jobs(layout.jobs), outcomes(layout.outcomes) {}
  SlotConsumer jobs;
  SlotProducer outcomes;
};

JobReceiver::JobReceiver(Segment&& segment)
    : Segment(std::move(segment)), state_(std::make_unique<State>(*layout_)) {}
JobReceiver::JobReceiver(JobReceiver&&) noexcept = default;
JobReceiver& JobReceiver::operator=(JobReceiver&&) noexcept = default;
JobReceiver::~JobReceiver() = default;

Result<JobReceiver> JobReceiver::attach(UniqueFd memory, UniqueFd jobs_ready,
                                        UniqueFd outcomes_ready) {
  struct stat status{};
  if (::fstat(memory.get(), &status) != 0 ||
      static_cast<std::size_t>(status.st_size) != sizeof(SegmentLayout))
    return broken("the job segment has another size: supervisor and worker are of two builds");
  auto segment = map(std::move(memory), std::move(jobs_ready), std::move(outcomes_ready));
  if (!segment) return segment.error();
  return JobReceiver(*std::move(segment));
}

Result<std::optional<JobReceiver::Taken>> JobReceiver::take() {
  if (stop_requested()) return std::optional<Taken>();
  const auto index = state_->jobs.pop();
  if (state_->jobs.damaged()) return broken("the job ring holds an impossible position");
  if (!index) return std::optional<Taken>();
  if (*index >= kSlots ||
      layout_->slots[*index].state.load(std::memory_order_acquire) != SlotState::kReady)
    return broken("the job ring names a slot that holds no job");
  Slot& slot = layout_->slots[*index];
  slot.state.store(SlotState::kTaken, std::memory_order_release);
  layout_->beat_ns.store(now_ns(), std::memory_order_relaxed);
  Taken taken;
  taken.slot = *index;
  taken.job.kind = read_once(slot.kind);
  if (static_cast<std::size_t>(taken.job.kind) >= kJobKinds) return broken("unknown job kind");
  taken.job.id = slot.job_id;
  taken.job.attempt = slot.attempt;
  taken.job.taken_before = slot.taken_before != 0;
  taken.job.in_doubt = slot.in_doubt != 0;
  taken.job.payload = slot.job.get();
  return std::optional<Taken>(std::move(taken));
}

void JobReceiver::wait() {
  pollfd readable{jobs_fd(), POLLIN, 0};
  while (::poll(&readable, 1, -1) < 0 && errno == EINTR) {
  }
  drain(jobs_fd());
}

bool JobReceiver::stop_requested() const {
  return layout_->stop.load(std::memory_order_acquire) != 0;
}

void JobReceiver::enter(std::uint32_t slot, Stage stage) {
  const std::int64_t now = now_ns();
  layout_->slots[slot].stage_since_ns.store(now, std::memory_order_relaxed);
  layout_->slots[slot].stage.store(stage, std::memory_order_relaxed);
  layout_->beat_ns.store(now, std::memory_order_relaxed);
}

void JobReceiver::set_content_hash(std::uint32_t index, const Sha256& hash) {
  Slot& slot = layout_->slots[index];
  std::memcpy(slot.content_hash, hash.data(), hash.size());
  slot.hash_written.store(1, std::memory_order_release);
}

void JobReceiver::finish(std::uint32_t index, const Outcome& outcome) {
  Slot& slot = layout_->slots[index];
  slot.end = outcome.end;
  slot.reason.set(outcome.reason);
  slot.detail.set(outcome.detail);
  slot.read_ns = outcome.times.read.count();
  slot.parse_ns = outcome.times.parse.count();
  slot.embed_ns = outcome.times.embed.count();
  slot.store_ns = outcome.times.store.count();
  slot.elapsed_ns = outcome.elapsed.count();
  slot.result.set(outcome.payload);
  layout_->beat_ns.store(now_ns(), std::memory_order_relaxed);
  slot.state.store(SlotState::kDone, std::memory_order_release);
  state_->outcomes.push(index);
  wake(outcomes_fd());
}

void JobReceiver::set_sandbox_gaps(std::string_view gaps) { layout_->sandbox_gaps.set(gaps); }

void JobReceiver::set_ready() {
  layout_->phase.store(WorkerPhase::kReady, std::memory_order_release);
  wake(outcomes_fd());
}

void JobReceiver::set_failure(const Error& error) {
  layout_->failure_code = static_cast<std::uint32_t>(error.code);
  layout_->failure_sentence.set(error.sentence);
  layout_->failure_context.set(error.context);
  layout_->failure_written.store(1, std::memory_order_release);
  layout_->phase.store(WorkerPhase::kFailed, std::memory_order_release);
}

void JobReceiver::add_idle(std::chrono::nanoseconds idle) {
  layout_->idle_ns.fetch_add(idle.count(), std::memory_order_relaxed);
}

}  // namespace forkdex
