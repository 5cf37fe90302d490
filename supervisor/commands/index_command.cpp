#include "supervisor/commands/index_command.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "common/base/path_text.h"
#include "supervisor/commands/signal_count.h"
#include "supervisor/run/output/summary.h"
#include "supervisor/run/run.h"
#include "supervisor/terminal/output.h"

namespace forkdex {
namespace {

/// A run on a terminal: what it says is printed, and signals stop it.
class IndexCommand {
 public:
  IndexCommand(const Settings& settings, std::filesystem::path path)
      : settings_(settings), run_(environment_, settings, std::move(path), events()) {}

  Result<Run::End> run() {
    await_signal();
    return run_.run();
  }

  /// The last signal that came; 0 for none.
  int signal() const { return signal_; }

 private:
  bool catch_signals() {
    signals_.add(SIGINT);
    signals_.add(SIGTERM);
    // nohup(1) has it ignored.
    struct sigaction hangup{};
    if (::sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
      signals_.add(SIGHUP);
    for (const int signal : {SIGINT, SIGTERM}) count_signal(signal);
    return true;
  }

  static RunEnvironment environment(boost::asio::io_context& context, MemoryLimits& memory) {
    const char* password = std::getenv("PGPASSWORD");
    return {context, memory, signals_seen, password ? password : "", ::isatty(STDERR_FILENO) == 1};
  }

  Run::Events events() {
    Run::Events events;
    events.fetches = [this](const std::string& url) {
      if (settings_.verbosity == Verbosity::kQuiet) return;
      const auto printed = print(fmt::format("fetching {}\n", display_path(url)));
      if (!printed && !unprinted_) unprinted_ = printed.error();
    };
    events.opened = [this](const RunOpening& run) {
      return unprinted_ ? Result<void>(*unprinted_)
                        : print(opening_text(run, settings_.precision, settings_.verbosity));
    };
    events.progress = [this](const Accounting& accounting) {
      return make_progress(settings_, accounting, STDERR_FILENO, Progress::Clock::now());
    };
    events.ended = [this](const RunFacts& facts, const Accounting& accounting) {
      return print(summary_text(facts, accounting, settings_.verbosity));
    };
    events.report = [this](const TextPieces& pieces) {
      return settings_.report.empty() ? Result<void>() : write_report(settings_.report, pieces);
    };
    return events;
  }

  /// Prints for a person. Standard output is the report's where the user asked for it there.
  Result<void> print(const std::string& text) const {
    return write_output(text, settings_.report == "-" ? stderr : stdout);
  }

  void await_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
      if (!error) interrupted(signal);
    });
  }

  /// The first signal drains, the second one kills the workers; the third ends us (signals_seen).
  void interrupted(int signal) {
    signal_ = signal;
    await_signal();
    run_.stop(::strsignal(signal));
  }

  const Settings& settings_;
  boost::asio::io_context context_;
  boost::asio::signal_set signals_{context_};
  // First of all: a signal must not end us between starting something and owning it.
  const bool caught_ = catch_signals();
  MemoryLimits memory_ = MemoryLimits::open("/");  // before anything is spawned
  RunEnvironment environment_ = environment(context_, memory_);
  std::optional<Error> unprinted_;
  int signal_ = 0;
  Run run_;
};

/// The signal that the run was interrupted by, or its exit status. Everything the run owned, a
/// server and groups among it, is let go of when it returns.
struct Ended {
  int signal = 0;
  int status = kExitOk;
};

Result<Ended> index(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  if (auto writable = check_report_destination(settings.report); !writable) return writable.error();
  IndexCommand command(settings, invocation.arguments.front());
  const auto end = command.run();
  if (!end) return end.error();
  if (end->interrupted) return Ended{.signal = command.signal()};
  const bool some_failed = end->not_indexed + end->not_embedded > 0;
  return Ended{.status = some_failed ? kExitSomeFailed : kExitOk};
}

}  // namespace

Result<int> run_index(const Invocation& invocation) {
  const auto ended = index(invocation);
  if (!ended) return ended.error();
  return ended->signal != 0 ? end_by(ended->signal) : ended->status;
}

}  // namespace forkdex
