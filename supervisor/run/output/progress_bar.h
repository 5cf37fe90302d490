#pragma once

// The bar of a terminal: what it says (pure) and how it is drawn over itself.

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/run/output/pace.h"
#include "supervisor/run/output/progress.h"

namespace forkdex {

struct TerminalSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

/// What a bar shows.
struct BarView {
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  std::uint64_t failed = 0;
  std::uint64_t texts_done = 0;
  std::uint64_t texts_total = 0;  ///< 0 until texts are embedded
  double rate = 0;                ///< texts, or chunks, a second
  std::optional<std::chrono::seconds> time_left;
  std::string phase;                 ///< empty while files are being finished
  std::vector<std::string> workers;  ///< Job::label of what each works on, empty when idle
};

/// One line of counts, then one a worker; none wider than the terminal, and never more than fit
/// on it. File names are escaped.
std::vector<std::string> bar_lines(const BarView& view, TerminalSize size);

class ProgressBar final : public Progress {
 public:
  /// `file_lines`: a line a finished file above the bar.
  ProgressBar(const Accounting& accounting, int fd, bool file_lines, Clock::time_point now);
  ~ProgressBar() override;

  void phase(std::string_view name, Clock::time_point now) override;
  void working_on(unsigned slot, std::string_view label) override;
  void finished(unsigned slot, const FinishedFile& file, Clock::time_point now) override;
  void tick(Clock::time_point now) override;
  void end(Clock::time_point now) override;

 private:
  void draw(std::string_view lines_above);
  void write_above(std::string_view lines);
  std::string cursor_to_top() const;

  const Accounting& accounting_;
  const int fd_;
  const bool file_lines_;
  Pace pace_;
  std::string phase_;
  std::vector<std::string> workers_;
  std::string pending_;  // file lines that the next drawing puts above the bar
  Clock::time_point drawn_at_;
  bool ended_ = false;
  std::mutex mutex_;                // guards what follows, which log lines of other threads touch
  std::vector<std::string> lines_;  // as they stand on the terminal
};

}  // namespace forkdex
