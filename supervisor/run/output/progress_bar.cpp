#include "supervisor/run/output/progress_bar.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/base/terminal_text.h"
#include "supervisor/run/output/progress_text.h"
#include "supervisor/terminal/log.h"

namespace forkdex {
namespace {

constexpr std::size_t kWidestBar = 30;
constexpr std::size_t kNarrowestBar = 8;
constexpr std::size_t kMostPendingBytes = 64 << 10;

TerminalSize terminal_size(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

// "[====>     ] " of `width` columns, the brackets and the space included.
std::string bar_of(const BarView& view, std::size_t width) {
  const std::size_t inside = width - 3;
  const bool by_texts = view.texts_total > 0;
  const std::uint64_t total = by_texts ? view.texts_total : view.total;
  const std::uint64_t done = by_texts ? view.texts_done : view.done;
  const double share = total == 0 ? 0 : static_cast<double>(done) / static_cast<double>(total);
  const auto full = std::min(inside, static_cast<std::size_t>(share * static_cast<double>(inside)));
  std::string bar(inside, ' ');
  std::fill_n(bar.begin(), full, '=');
  if (full < inside) bar[full] = '>';
  return '[' + bar + "] ";
}

// What matters most stands first: a narrow terminal cuts the end off.
std::string counts_of(const BarView& view) {
  std::string counts = fmt::format("{}/{} files", view.done, view.total);
  if (view.failed > 0) counts += fmt::format("  {} failed", view.failed);
  if (view.texts_total > 0)
    counts += fmt::format("  {}/{} texts", view.texts_done, view.texts_total);
  if (!view.phase.empty()) return counts + "  " + view.phase;
  if (view.time_left) counts += "  ETA " + clock_text(*view.time_left);
  return counts +
         fmt::format("  {:.1f} {}/s", view.rate, view.texts_total > 0 ? "texts" : "chunks");
}

}  // namespace

std::vector<std::string> bar_lines(const BarView& view, TerminalSize size) {
  std::vector<std::string> lines;
  const std::string counts = counts_of(view);
  const std::size_t room = size.columns - std::min(size.columns, counts.size());
  const std::size_t width = std::min(room, kWidestBar);
  lines.push_back(
      keep_start(width < kNarrowestBar ? counts : bar_of(view, width) + counts, size.columns));
  const std::size_t fitting = size.rows > 2 ? size.rows - 2 : 0;
  for (std::size_t slot = 0; slot < std::min(view.workers.size(), fitting); ++slot) {
    const std::string number = fmt::format("{:>3} ", slot);
    const std::string& label = view.workers[slot];
    const std::string shown = label.empty() ? "idle" : printable(label);
    lines.push_back(
        keep_start(number + keep_end(shown, size.columns - std::min(size.columns, number.size())),
                   size.columns));
  }
  return lines;
}

ProgressBar::ProgressBar(const Accounting& accounting, int fd, bool file_lines,
                         Clock::time_point now)
    : accounting_(accounting), fd_(fd), file_lines_(file_lines), pace_(now) {
  redirect_log([this](std::string_view line) { write_above(line); });
}

ProgressBar::~ProgressBar() { end({}); }

void ProgressBar::phase(std::string_view name, Clock::time_point now) {
  phase_ = name;
  drawn_at_ = {};
  tick(now);
}

void ProgressBar::working_on(unsigned slot, std::string_view label) {
  if (slot >= workers_.size()) workers_.resize(slot + 1);
  workers_[slot] = label;
}

void ProgressBar::finished(unsigned slot, const FinishedFile& file, Clock::time_point now) {
  if (file_lines_) pending_ += file_line(slot, file);
  if (pending_.size() > kMostPendingBytes) drawn_at_ = {};
  tick(now);
}

void ProgressBar::tick(Clock::time_point now) {
  if (ended_ || (drawn_at_ != Clock::time_point() && now - drawn_at_ < tick_interval())) return;
  drawn_at_ = now;
  pace_.sample(accounting_, now);
  draw(std::exchange(pending_, {}));
}

void ProgressBar::end(Clock::time_point) {
  if (std::exchange(ended_, true)) return;
  redirect_log({});
  const std::lock_guard lock(mutex_);
  write_text(fd_, cursor_to_top() + "\x1b[J" + pending_);
}

std::string ProgressBar::cursor_to_top() const {
  return lines_.size() < 2 ? "\r" : fmt::format("\r\x1b[{}A", lines_.size() - 1);
}

void ProgressBar::draw(std::string_view lines_above) {
  const BarView view{accounting_.done(),
                     accounting_.total(),
                     accounting_.not_indexed(),
                     accounting_.done_texts(),
                     accounting_.expected_texts(),
                     pace_.rate(),
                     pace_.time_left(),
                     phase_,
                     workers_};
  std::vector<std::string> lines = bar_lines(view, terminal_size(fd_));
  const std::lock_guard lock(mutex_);
  std::string text = cursor_to_top();
  if (!lines_above.empty()) text.append("\x1b[J").append(lines_above);
  lines_ = std::move(lines);
  // No wrapping while it is drawn: a width guessed wrong must not shift the lines. Each line
  // clears only what is behind it, so that nothing flickers.
  text += fmt::format("\x1b[?7l{}\x1b[K\x1b[J\x1b[?7h", fmt::join(lines_, "\x1b[K\n"));
  write_text(fd_, text);
}

void ProgressBar::write_above(std::string_view lines) {
  const std::lock_guard lock(mutex_);
  std::string text = cursor_to_top() + "\x1b[J";
  text += lines;
  if (!lines_.empty()) text += fmt::format("\x1b[?7l{}\x1b[?7h", fmt::join(lines_, "\n"));
  write_text(fd_, text);
}

}  // namespace forkdex
