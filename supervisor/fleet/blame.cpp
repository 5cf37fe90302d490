#include "supervisor/fleet/blame.h"

#include <algorithm>
#include <array>
#include <csignal>

#include <fmt/format.h>

#include "common/base/plausible.h"

namespace forkdex {
namespace {

/// Signals that a process gets by its own doing.
constexpr std::array kFaultSignals = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP};

std::optional<Fault> fault_of_error(ErrorCode code) {
  switch (traits(code).fault) {
    case WorkerFault::kMemory:
      return Fault::kOutOfMemory;
    case WorkerFault::kCrash:
      return Fault::kCrashed;
    case WorkerFault::kNone:
      break;
  }
  return std::nullopt;
}

struct FaultOf {
  const std::optional<Error>& failure;

  std::optional<Fault> operator()(const Exited&) const {
    // An end that the worker did not announce is not one of its own: a library called exit().
    return failure ? fault_of_error(failure->code) : Fault::kCrashed;
  }
  std::optional<Fault> operator()(const Signaled& signaled) const {
    const bool own = std::find(kFaultSignals.begin(), kFaultSignals.end(), signaled.signal) !=
                     kFaultSignals.end();
    return own ? std::optional(Fault::kCrashed) : std::nullopt;
  }
  std::optional<Fault> operator()(const OutOfMemory&) const { return Fault::kOutOfMemory; }
  std::optional<Fault> operator()(const TimedOut& timed_out) const {
    // Where a job's result is being stored it is the database that does not answer.
    if (timed_out.stage == name(Stage::kStore)) return std::nullopt;
    return Fault::kTimedOut;
  }
  std::optional<Fault> operator()(const KilledByUs& killed) const {
    return killed.own_fault ? std::optional(Fault::kCrashed) : std::nullopt;
  }
};

/// The last line that says something.
std::string_view last_line(std::string_view text) {
  const std::size_t end = text.find_last_not_of(" \r\n");
  if (end == std::string_view::npos) return {};
  text = text.substr(0, end + 1);
  return text.substr(text.find_last_of('\n') + 1);
}

}  // namespace

std::string_view name(Fault fault) {
  constexpr std::array<std::string_view, 3> kNames = {"crashed", "out_of_memory", "timed_out"};
  return kNames[static_cast<std::size_t>(fault)];
}

bool Blame::accuses(std::uint64_t job_id) const {
  return std::find(suspects.begin(), suspects.end(), job_id) != suspects.end();
}

Blame assign_blame(const ExitCause& cause, const std::optional<Error>& failure,
                   std::span<const JobSender::Held> held, std::string_view stderr_tail) {
  Blame blame;
  blame.fault = std::visit(FaultOf{failure}, cause);
  blame.cause = "the worker " + describe(cause);
  if (failure) blame.cause += ": " + failure->text();
  const std::string_view line = last_line(stderr_tail);
  if (!line.empty()) blame.cause += "; its stderr tail: " + plausible_text(std::string(line));
  if (!blame.fault) return blame;
  // Of a worker that wrote what cannot be true, the outcome we could not read is a suspect too.
  const bool lied = std::holds_alternative<KilledByUs>(cause);
  for (const JobSender::Held& job : held) {
    const bool active = job.state == SlotState::kTaken && job.stage != Stage::kWaiting;
    if (!active && !(lied && job.state == SlotState::kDone)) continue;
    if (blame.suspects.empty() && !std::holds_alternative<TimedOut>(cause))
      blame.cause += fmt::format(" (in {})", name(job.stage));
    blame.suspects.push_back(job.job_id);
  }
  return blame;
}

}  // namespace forkdex
