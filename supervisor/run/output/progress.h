#pragma once

// Shows how far a run is, on standard error: a bar on a terminal, plain lines, JSON events or
// nothing. It reads the counts of Accounting and holds none of its own. One thread, but log lines
// may come from any. Killed in the middle, it leaves the terminal as it was, below the last bar.

#include <chrono>
#include <memory>
#include <string_view>

#include "supervisor/run/accounting.h"
#include "supervisor/settings/settings.h"

namespace forkdex {

class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  Progress() = default;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  virtual ~Progress() = default;

  /// Shows what the run does while no files are being finished: "scan", "index build". Empty:
  /// files.
  virtual void phase(std::string_view name, Clock::time_point now) = 0;
  /// Shows what worker `slot`, from 0, works on, by Job::label; empty for nothing.
  virtual void working_on(unsigned slot, std::string_view label) = 0;
  /// Tells of a file that Accounting has just recorded.
  virtual void finished(unsigned slot, const FinishedFile& file, Clock::time_point now) = 0;
  /// Draws when it is time to; call it at least every tick_interval().
  virtual void tick(Clock::time_point now) = 0;
  /// Removes the bar; nothing is drawn afterwards.
  virtual void end(Clock::time_point now) = 0;

  static constexpr std::chrono::milliseconds tick_interval() {
    return std::chrono::milliseconds(100);
  }
};

/// Chooses by settings.progress: kAuto is a bar where `fd` is a terminal that can move its cursor,
/// lines elsewhere. Quiet shows JSON events, if asked for, and nothing else. `accounting` and `fd`
/// outlive the result. While a bar stands, log lines are written above it (redirect_log).
std::unique_ptr<Progress> make_progress(const Settings& settings, const Accounting& accounting,
                                        int fd, Progress::Clock::time_point now);

}  // namespace forkdex
