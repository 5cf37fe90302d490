#include "supervisor/fleet/worker_process.h"

#include <fcntl.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "supervisor/fleet/fork_server.h"
#include "supervisor/fleet/launch.h"
#include "supervisor/process/child_process.h"
#include "supervisor/process/stderr_tail.h"

namespace forkdex {

namespace asio = boost::asio;

struct WorkerProcess::State {
  State(asio::io_context& context, JobSender sender)
      : jobs(std::move(sender)),
        outcomes(context, ::fcntl(jobs.outcomes_fd(), F_DUPFD_CLOEXEC, 0)),
        tail(context) {}

  JobSender jobs;
  asio::posix::stream_descriptor outcomes;
  StderrTail tail;
  std::optional<ChildProcess> child;
  Events events;
  std::optional<ExitCause> killed_because;
  bool closed = false;  // the owner is gone: no further event

  static void watch_outcomes(const std::shared_ptr<State>& state) {
    state->outcomes.async_wait(asio::posix::stream_descriptor::wait_read,
                               [state](const boost::system::error_code& error) {
                                 if (error || state->closed) return;
                                 state->events.woke();
                                 if (!state->closed) watch_outcomes(state);
                               });
  }

  static void watch_exit(asio::io_context& context, const std::shared_ptr<State>& state) {
    state->child->when_ended(context, [state] {
      if (state->closed) return;
      state->tail.finish();
      const ExitCause ended = state->child->reap();
      // The handler may destroy the WorkerProcess, and with it `events`.
      const auto exited = state->events.exited;
      exited(state->killed_because.value_or(ended));
    });
  }
};

WorkerProcess::WorkerProcess(std::shared_ptr<State> state) : state_(std::move(state)) {}

WorkerProcess::~WorkerProcess() {
  state_->closed = true;
  boost::system::error_code ignored;
  state_->outcomes.close(ignored);
  state_->tail.close();
  state_->child.reset();  // kills and reaps
}

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::spawn(asio::io_context& context,
                                                            const std::filesystem::path& executable,
                                                            const WorkerSetup& setup, Events events,
                                                            const ChildLimits& limits,
                                                            ForkServer* fork_server) {
  auto settings = write_worker_setup(setup);
  if (!settings) return settings.error();
  auto sender = JobSender::create();
  if (!sender) return sender.error();
  auto state = std::make_shared<State>(context, *std::move(sender));
  state->events = std::move(events);
  auto errors = state->tail.open();
  if (!errors) return errors.error();
  const InheritedFds inherited{
      {state->jobs.memory_fd(), state->jobs.jobs_fd(), state->jobs.outcomes_fd(), settings->get()},
      errors->get()};
  const auto cloned = fork_server ? fork_server->fork(inherited, limits) : std::nullopt;
  auto child = cloned ? ChildProcess::adopt(*cloned) : launch(executable, {}, inherited, limits);
  if (!child) return child.error();
  state->child.emplace(*std::move(child));
  State::watch_outcomes(state);
  state->tail.watch(state);
  State::watch_exit(context, state);
  return std::unique_ptr<WorkerProcess>(new WorkerProcess(std::move(state)));
}

JobSender& WorkerProcess::jobs() { return state_->jobs; }

pid_t WorkerProcess::pid() const { return state_->child->pid(); }

std::uint64_t WorkerProcess::pss_bytes() const {
  std::ifstream rollup(fmt::format("/proc/{}/smaps_rollup", pid()));
  for (std::string word; rollup >> word;) {
    std::uint64_t kibibytes = 0;
    if (word == "Pss:" && rollup >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

std::string WorkerProcess::stderr_tail() const { return state_->tail.text(); }

void WorkerProcess::kill(ExitCause cause) {
  state_->killed_because = std::move(cause);
  state_->child->kill();
}

}  // namespace forkdex
