#include "supervisor/run/output/progress.h"

#include <unistd.h>

#include <cmath>
#include <cstdlib>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/clock.h"
#include "common/base/path_text.h"
#include "supervisor/run/output/pace.h"
#include "supervisor/run/output/progress_bar.h"
#include "supervisor/run/output/progress_text.h"

namespace forkdex {
namespace {

constexpr auto kLineInterval = std::chrono::seconds(5);
constexpr auto kEventInterval = std::chrono::seconds(1);

/// Lines for a pipe or file: counts every few seconds, a line a finished file, both or neither.
class PlainProgress final : public Progress {
 public:
  PlainProgress(const Accounting& accounting, int fd, bool count_lines, bool file_lines,
                Clock::time_point now)
      : accounting_(accounting),
        fd_(fd),
        count_lines_(count_lines),
        file_lines_(file_lines),
        pace_(now),
        written_at_(now) {}

  /// Shown with the next line of counts, if the phase lasts that long.
  void phase(std::string_view name, Clock::time_point now) override {
    phase_ = name;
    pace_.sample(accounting_, now);  // the pace of texts begins here
  }
  void working_on(unsigned, std::string_view) override {}
  void finished(unsigned slot, const FinishedFile& file, Clock::time_point now) override {
    if (file_lines_) write_text(fd_, file_line(slot, file));
    tick(now);
  }
  void tick(Clock::time_point now) override {
    if (!count_lines_ || now - written_at_ < kLineInterval) return;
    written_at_ = now;
    pace_.sample(accounting_, now);
    std::string line = fmt::format("{}/{} files, ", accounting_.done(), accounting_.total());
    if (const std::uint64_t texts = accounting_.expected_texts())
      line +=
          fmt::format("{}/{} texts, {:.1f} texts/s", accounting_.done_texts(), texts, pace_.rate());
    else
      line += fmt::format("{:.1f} chunks/s", pace_.rate());
    if (const auto left = pace_.time_left()) line += ", ETA " + clock_text(*left);
    if (accounting_.not_indexed() > 0)
      line += fmt::format(", {} failed", accounting_.not_indexed());
    if (!phase_.empty()) line += ", " + phase_;
    write_text(fd_, line + '\n');
  }
  void end(Clock::time_point) override { count_lines_ = file_lines_ = false; }

 private:
  const Accounting& accounting_;
  const int fd_;
  bool count_lines_;
  bool file_lines_;
  std::string phase_;
  Pace pace_;
  Clock::time_point written_at_;
};

/// One JSON object a line: every finished file, and the counts at most once a second.
class JsonProgress final : public Progress {
 public:
  JsonProgress(const Accounting& accounting, int fd, Clock::time_point now)
      : accounting_(accounting), fd_(fd), pace_(now), written_at_(now) {}

  void phase(std::string_view, Clock::time_point now) override { pace_.sample(accounting_, now); }
  void working_on(unsigned, std::string_view) override {}
  void finished(unsigned slot, const FinishedFile& file, Clock::time_point now) override {
    write({{"event", "file"},
           {"path", escape_path(file.path)},
           {"state", name(file.verdict.state)},
           {"chunks", file.result.chunks},
           {"worker", slot},
           {"seconds", to_seconds(file.elapsed)}});
    tick(now);
  }
  void tick(Clock::time_point now) override {
    if (now - written_at_ >= kEventInterval) write_counts(now);
  }
  void end(Clock::time_point now) override { write_counts(now); }

 private:
  using Json = nlohmann::ordered_json;

  void write_counts(Clock::time_point now) {
    written_at_ = now;
    pace_.sample(accounting_, now);
    const auto left = pace_.time_left();
    write({{"event", "progress"},
           {"done", accounting_.done()},
           {"total", accounting_.total()},
           {"rate", std::round(pace_.rate() * 10) / 10},
           {"eta", left ? Json(left->count()) : Json(nullptr)},
           {"texts_done", accounting_.done_texts()},
           {"texts_total", accounting_.expected_texts()}});
  }
  void write(const Json& event) {
    write_text(fd_, event.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n');
  }

  const Accounting& accounting_;
  const int fd_;
  Pace pace_;
  Clock::time_point written_at_;
};

bool can_move_cursor(int fd) {
  const char* const terminal = std::getenv("TERM");
  return ::isatty(fd) == 1 && terminal && *terminal && std::string_view(terminal) != "dumb";
}

}  // namespace

std::unique_ptr<Progress> make_progress(const Settings& settings, const Accounting& accounting,
                                        int fd, Progress::Clock::time_point now) {
  if (settings.progress == ProgressStyle::kJson)
    return std::make_unique<JsonProgress>(accounting, fd, now);
  const bool quiet = settings.verbosity == Verbosity::kQuiet;
  const bool file_lines = settings.verbosity == Verbosity::kVerbose;
  const bool bar = settings.progress == ProgressStyle::kBar ||
                   (settings.progress == ProgressStyle::kAuto && can_move_cursor(fd));
  if (bar && !quiet) return std::make_unique<ProgressBar>(accounting, fd, file_lines, now);
  const bool count_lines = !quiet && settings.progress != ProgressStyle::kNone;
  return std::make_unique<PlainProgress>(accounting, fd, count_lines, file_lines, now);
}

}  // namespace forkdex
