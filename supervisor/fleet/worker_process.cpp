#include "supervisor/fleet/worker_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/process/v2/process.hpp>
#include <boost/process/v2/stdio.hpp>

namespace forkdex {

namespace asio = boost::asio;
namespace process = boost::process::v2;

namespace {

constexpr std::size_t kLastWordsBytes = 4096;

/// What a worker may not find in its environment: the URL may hold a password.
constexpr std::array<std::string_view, 4> kWithheld = {
    "DATABASE_URL=", "FORKDEX_DATABASE_URL=", "PGPASSWORD=", "OMP_NUM_THREADS="};
/// What it must: one compute thread a process; and small caches of oneDNN's primitives, of which
/// every number of tokens in a batch needs its own (docs/benchmarks.md: 80 MB less, no slower).
constexpr std::array<const char*, 4> kGiven = {"OMP_NUM_THREADS=1", "MALLOC_ARENA_MAX=1",
                                               "ONEDNN_PRIMITIVE_CACHE_CAPACITY=16",
                                               "LRU_CACHE_CAPACITY=16"};

std::vector<const char*> worker_environment() {
  std::vector<const char*> environment;
  for (char** entry = ::environ; *entry; ++entry) {
    const std::string_view text(*entry);
    bool withheld = false;
    for (const std::string_view prefix : kWithheld) withheld |= text.starts_with(prefix);
    if (!withheld) environment.push_back(*entry);
  }
  environment.insert(environment.end(), kGiven.begin(), kGiven.end());
  environment.push_back(nullptr);
  return environment;
}

/// Holds the descriptor numbers a worker expects, so that nothing the parent opens for the spawn
/// (the launcher's own pipe above all) lands on a number that the child is about to overwrite.
std::vector<UniqueFd> reserve_worker_fds() {
  std::vector<UniqueFd> held;
  do {
    held.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  } while (held.back().valid() && held.back().get() < kFirstFreeFd);
  return held;
}

/// Runs in the child between fork and exec: only async-signal-safe calls.
struct WorkerLaunch {
  std::array<int, 4> inherited;  // for descriptors 3, 4, 5, 6
  ChildLimits limits;
  std::vector<const char*> environment = worker_environment();
  pid_t supervisor = ::getpid();

  template <class Launcher, class Path>
  process::error_code on_setup(Launcher& launcher, const Path&, const char* const*&) const {
    launcher.env = environment.data();
    for (int fd = kSegmentFd; fd < kFirstFreeFd; ++fd) launcher.fd_whitelist.push_back(fd);
    return {};
  }

  template <class Launcher, class Path>
  process::error_code on_exec_setup(Launcher&, const Path&, const char* const*&) const {
    ::setsid();
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return process::detail::get_last_error();
    if (::getppid() != supervisor) ::_exit(kExitBug);  // it died before the line above
    apply_in_child(limits);
    for (std::size_t i = 0; i < inherited.size(); ++i)
      if (::dup2(inherited[i], kSegmentFd + static_cast<int>(i)) < 0)
        return process::detail::get_last_error();
    // The launcher leaves descriptors open that it made without CLOEXEC.
    if (::close_range(kFirstFreeFd, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
      return process::detail::get_last_error();
    return {};
  }
};

}  // namespace

struct WorkerProcess::State {
  State(asio::io_context& context, JobSender sender)
      : jobs(std::move(sender)),
        outcomes(context, ::fcntl(jobs.outcomes_fd(), F_DUPFD_CLOEXEC, 0)),
        errors(context) {}

  JobSender jobs;
  asio::posix::stream_descriptor outcomes;
  asio::readable_pipe errors;
  std::optional<process::process> child;
  Events events;
  std::string last_words;
  std::array<char, 1024> buffer{};
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

  static void watch_errors(const std::shared_ptr<State>& state) {
    state->errors.async_read_some(
        asio::buffer(state->buffer),
        [state](const boost::system::error_code& error, std::size_t size) {
          if (error) return;
          state->keep_words(size);
          watch_errors(state);
        });
  }

  /// What is still in the pipe when the child has ended.
  void read_last_words() {
    for (;;) {
      const ssize_t size = ::read(errors.native_handle(), buffer.data(), buffer.size());
      if (size <= 0) return;  // the pipe does not block
      keep_words(static_cast<std::size_t>(size));
    }
  }

  void keep_words(std::size_t size) {
    last_words.append(buffer.data(), size);
    if (last_words.size() > kLastWordsBytes)
      last_words.erase(0, last_words.size() - kLastWordsBytes);
  }

  static void watch_exit(const std::shared_ptr<State>& state) {
    state->child->async_wait([state](const boost::system::error_code&, int) {
      if (state->closed) return;
      state->read_last_words();
      const ExitCause cause =
          state->killed_because.value_or(exit_cause_of(state->child->native_exit_code()));
      // The handler may destroy the WorkerProcess, and with it `events`.
      const auto exited = state->events.exited;
      exited(cause);
    });
  }
};

WorkerProcess::WorkerProcess(std::shared_ptr<State> state) : state_(std::move(state)) {}

WorkerProcess::~WorkerProcess() {
  state_->closed = true;
  boost::system::error_code ignored;
  state_->outcomes.close(ignored);
  state_->errors.close(ignored);
  state_->child.reset();  // kills and reaps
}

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::spawn(asio::io_context& context,
                                                            const std::filesystem::path& executable,
                                                            const WorkerSetup& setup, Events events,
                                                            const ChildLimits& limits) try {
  if (::access(executable.c_str(), X_OK) != 0)
    return system_error(ErrorCode::kBug, executable.string() + " cannot be run", errno);
  const std::vector<UniqueFd> reserved = reserve_worker_fds();
  auto settings = write_worker_setup(setup);
  if (!settings) return settings.error();
  auto sender = JobSender::create();
  if (!sender) return sender.error();
  auto state = std::make_shared<State>(context, *std::move(sender));
  state->events = std::move(events);
  // A failed exec ends the child through exit(): unflushed output would be written twice.
  std::fflush(nullptr);
  const WorkerLaunch launch{
      {state->jobs.memory_fd(), state->jobs.jobs_fd(), state->jobs.outcomes_fd(), settings->get()},
      limits};
  state->child.emplace(context, executable.string(), std::vector<std::string>{},
                       process::process_stdio{nullptr, nullptr, state->errors}, launch);
  State::watch_outcomes(state);
  State::watch_errors(state);
  State::watch_exit(state);
  return std::unique_ptr<WorkerProcess>(new WorkerProcess(std::move(state)));
} catch (const boost::system::system_error& error) {
  return Error{ErrorCode::kBug, executable.string() + " cannot be started", error.what()};
}

JobSender& WorkerProcess::jobs() { return state_->jobs; }

pid_t WorkerProcess::pid() const { return state_->child->id(); }

std::uint64_t WorkerProcess::pss_bytes() const {
  std::ifstream rollup(fmt::format("/proc/{}/smaps_rollup", pid()));
  for (std::string word; rollup >> word;) {
    std::uint64_t kibibytes = 0;
    if (word == "Pss:" && rollup >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

std::string WorkerProcess::last_words() const { return state_->last_words; }

void WorkerProcess::kill(ExitCause cause) {
  state_->killed_because = std::move(cause);
  ::kill(pid(), SIGKILL);
}

}  // namespace forkdex
