#include "supervisor/run/output/progress.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "common/base/terminal_text.h"
#include "common/base/unique_fd.h"
#include "supervisor/run/output/pace.h"
#include "supervisor/run/output/progress_bar.h"
#include "supervisor/run/output/progress_text.h"
#include "supervisor/terminal/log.h"

namespace forkdex {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
const Progress::Clock::time_point kStart{seconds(1000)};

/// A file in memory that progress is written to.
class Output {
 public:
  Output() : fd_(::memfd_create("progress", MFD_CLOEXEC)) { REQUIRE(fd_.valid()); }
  int fd() const { return fd_.get(); }
  std::string text() const {
    std::string all(static_cast<std::size_t>(::lseek(fd_.get(), 0, SEEK_END)), '\0');
    REQUIRE(::pread(fd_.get(), all.data(), all.size(), 0) == static_cast<ssize_t>(all.size()));
    return all;
  }

 private:
  UniqueFd fd_;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// What a terminal shows after `text`: the few sequences that the bar uses, and no scrolling.
std::vector<std::string> screen_after(const std::string& text) {
  std::vector<std::string> screen(1);
  std::size_t row = 0;
  std::size_t column = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') {
      column = 0;
    } else if (text[i] == '\n') {
      column = 0;  // the terminal driver adds the carriage return
      if (++row == screen.size()) screen.emplace_back();
    } else if (text[i] == '\x1b') {
      const std::size_t end = text.find_first_of("ABCDJKhl", i);
      const std::string sequence = text.substr(i + 1, end - i);
      i = end;
      if (sequence.back() == 'A') row -= std::stoul(sequence.substr(1));
      if (sequence == "[K" || sequence == "[J") screen[row].resize(column);
      if (sequence == "[J") screen.resize(row + 1);
    } else {
      screen[row].resize(std::max(screen[row].size(), column + 1), ' ');
      screen[row][column++] = text[i];
    }
  }
  return screen;
}

/// A run of ten files of 100 bytes, told to a Progress.
struct Run {
  explicit Run(ProgressStyle style, Verbosity verbosity = Verbosity::kNormal) {
    Settings settings;
    settings.progress = style;
    settings.verbosity = verbosity;
    accounting.expect(10, 1000);
    progress = make_progress(settings, accounting, output.fd(), kStart);
  }
  void finish(std::string path, milliseconds when, FileState state = FileState::kIndexed) {
    FinishedFile file;
    file.path = std::move(path);
    file.verdict = {state, state == FileState::kFailed ? "parse" : "", "", 1};
    file.chunks = file.result.chunks = state == FileState::kIndexed ? 4 : 0;
    file.cost = 100;
    file.elapsed = milliseconds(250);
    accounting.record(file);
    progress->finished(1, file, kStart + when);
  }
  Output output;
  Accounting accounting;
  std::unique_ptr<Progress> progress;
};

}  // namespace

TEST_CASE("progress: plain lines come every few seconds and hold no control characters",
          "[progress]") {
  Run run(ProgressStyle::kPlain);
  run.finish("a", milliseconds(100));
  run.finish("b", milliseconds(4900), FileState::kFailed);
  CHECK(run.output.text().empty());
  run.finish("c", milliseconds(5000));
  CHECK(run.output.text() == "3/10 files, 1.6 chunks/s, ETA 0:12, 1 failed\n");
  run.progress->tick(kStart + milliseconds(9999));
  CHECK(lines_of(run.output.text()).size() == 1);
  run.progress->tick(kStart + seconds(10));
  CHECK(lines_of(run.output.text()).size() == 2);
  run.progress->end(kStart + seconds(60));
  run.progress->tick(kStart + seconds(70));
  CHECK(lines_of(run.output.text()).size() == 2);
}

TEST_CASE("progress: auto writes plain lines where there is no terminal", "[progress]") {
  Run run(ProgressStyle::kAuto);
  run.progress->phase("scan", kStart);
  run.finish("a", seconds(5));
  CHECK(lines_of(run.output.text()).front().ends_with(", scan"));
  CHECK(run.output.text().find('\x1b') == std::string::npos);
}

TEST_CASE("progress: verbose is a line a finished file, even without progress", "[progress]") {
  Run run(ProgressStyle::kNone, Verbosity::kVerbose);
  run.finish("a\n\xff", milliseconds(1));
  run.finish("b", seconds(9), FileState::kFailed);
  CHECK(run.output.text() ==
        "indexed a\\x0a\\xff: 4 chunks, 0.25 s, worker 1\n"
        "failed b: parse, 0.25 s, worker 1\n");
}

TEST_CASE("progress: none and quiet say nothing", "[progress]") {
  const auto style = GENERATE(ProgressStyle::kBar, ProgressStyle::kPlain, ProgressStyle::kAuto,
                              ProgressStyle::kNone);
  Run run(style, Verbosity::kQuiet);
  run.progress->phase("scan", kStart);
  run.finish("a", seconds(50));
  run.progress->end(kStart + seconds(60));
  CHECK(run.output.text().empty());
  Run none(ProgressStyle::kNone);
  none.finish("a", seconds(50));
  CHECK(none.output.text().empty());
}

TEST_CASE("progress: json tells of every file and of the counts once a second", "[progress]") {
  Run run(ProgressStyle::kJson, Verbosity::kQuiet);
  run.finish("a\\\xff", milliseconds(100));
  run.finish("b", milliseconds(1000), FileState::kFailed);
  run.finish("c", milliseconds(1500));
  const std::vector<std::string> lines = lines_of(run.output.text());
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] ==
        R"({"event":"file","path":"a\\\\\\xff","state":"indexed","chunks":4,"worker":1,)"
        R"("seconds":0.25})");
  CHECK(nlohmann::json::parse(lines[1])["state"] == "failed");
  CHECK(lines[2] == R"({"event":"progress","done":2,"total":10,"rate":4.0,"eta":4,)"
                    R"("texts_done":0,"texts_total":0})");
  CHECK(nlohmann::json::parse(lines[3])["path"] == "c");
}

TEST_CASE("progress: a bar is drawn over itself and leaves only file and log lines", "[progress]") {
  Run run(ProgressStyle::kBar, Verbosity::kVerbose);
  run.progress->working_on(0, "src/one.ts");
  run.progress->working_on(1, "src/two.ts");
  run.finish("a", milliseconds(1000));
  auto screen = screen_after(run.output.text());
  REQUIRE(screen.size() == 4);
  CHECK(screen[0] == "indexed a: 4 chunks, 0.25 s, worker 1");
  CHECK(screen[1].find("1/10 files  ETA 0:09  4.0 chunks/s") != std::string::npos);
  CHECK(screen[2] == "  0 src/one.ts");
  CHECK(screen[3] == "  1 src/two.ts");

  log_warning("restarted");
  run.progress->working_on(0, {});
  run.finish("b", milliseconds(1050), FileState::kFailed);  // too early to draw
  run.progress->tick(kStart + milliseconds(1100));
  screen = screen_after(run.output.text());
  REQUIRE(screen.size() == 6);
  CHECK(screen[1].find("warning") != std::string::npos);
  CHECK(screen[2] == "failed b: parse, 0.25 s, worker 1");
  CHECK(screen[3].find("2/10 files  1 failed") != std::string::npos);
  CHECK(screen[4] == "  0 idle");

  run.progress->end(kStart + seconds(2));
  run.progress->tick(kStart + seconds(3));
  screen = screen_after(run.output.text());
  REQUIRE(screen.size() == 4);
  CHECK(screen[3].empty());
}

TEST_CASE("progress: a bar is drawn at most ten times a second", "[progress]") {
  Run run(ProgressStyle::kBar);
  for (int i = 0; i < 1000; ++i) run.progress->tick(kStart + milliseconds(i));
  const std::string text = run.output.text();
  std::size_t draws = 0;
  for (std::size_t at = text.find("\x1b[?7h"); at != std::string::npos;
       at = text.find("\x1b[?7h", at + 1))
    ++draws;
  CHECK(draws == 10);
}

TEST_CASE("progress: no line is wider than the terminal and none more than fit on it",
          "[progress]") {
  const std::size_t columns = GENERATE(1U, 2U, 5U, 12U, 20U, 42U, 80U, 200U);
  BarView view{12345, 67890, 17, 0, 0, 1234.5, seconds(4000), "", {}};
  view.workers = {"", std::string(300, 'a') + "/last.ts", "\xe6\x97\xa5\xe6\x9c\xac/\x1b[2J", "d"};
  const auto lines = bar_lines(view, {columns, 5});
  CHECK(lines.size() == 4);
  for (const std::string& line : lines) {
    CHECK(display_width(line) <= columns);
    CHECK(line.find('\x1b') == std::string::npos);
  }
  if (columns >= 42) {
    CHECK(lines[0].find("12345/67890 files  17 failed  ETA 1:06:40") != std::string::npos);
    CHECK(lines[2].find("...") == 4);
    CHECK(lines[2].ends_with("/last.ts"));
  }
  CHECK(bar_lines(view, {columns, 1}).size() == 1);
}

TEST_CASE("progress: a phase stands in the bar instead of speed", "[progress]") {
  const BarView view{0, 0, 0, 0, 0, 0, {}, "scan", {}};
  CHECK(bar_lines(view, {}).front().ends_with("0/0 files  scan"));
}

TEST_CASE("pace: the rate is that of the last ten seconds", "[progress]") {
  Accounting accounting;
  Pace pace(kStart);
  CHECK(pace.rate() == 0);
  FinishedFile file;
  file.result.chunks = 10;
  for (int second = 1; second <= 30; ++second) {
    if (second > 20) accounting.record(file);
    pace.sample(accounting, kStart + seconds(second));
  }
  CHECK(pace.rate() == Approx(10));
}

TEST_CASE("pace: the time left follows bytes, not files", "[progress]") {
  Accounting accounting;
  accounting.expect(100, 1000);
  Pace pace(kStart);
  pace.sample(accounting, kStart + seconds(1));
  CHECK_FALSE(pace.time_left());
  FinishedFile file;
  file.cost = 900;
  accounting.record(file);
  pace.sample(accounting, kStart + seconds(9));
  CHECK(pace.time_left() == seconds(1));
  file.cost = 100;
  accounting.record(file);
  pace.sample(accounting, kStart + seconds(10));
  CHECK_FALSE(pace.time_left());
}

TEST_CASE("pace: once texts are embedded, it is theirs, and the time left follows tokens",
          "[progress]") {
  Accounting accounting;
  accounting.expect(1, 1000);
  Pace pace(kStart);
  FinishedFile file;
  file.result.chunks = 100;
  file.cost = 1000;
  accounting.record(file);
  pace.sample(accounting, kStart + seconds(1));
  accounting.expect_texts(100, 10'000);
  pace.sample(accounting, kStart + seconds(2));
  CHECK(pace.rate() == 0);
  CHECK_FALSE(pace.time_left());
  accounting.finish_texts(20, 5000);
  pace.sample(accounting, kStart + seconds(6));
  CHECK(pace.rate() == Approx(5));
  CHECK(pace.time_left() == seconds(4));
  accounting.finish_texts(80, 5000);
  pace.sample(accounting, kStart + seconds(10));
  CHECK_FALSE(pace.time_left());
}

TEST_CASE("progress: both passes are told of: files, and texts once they are embedded",
          "[progress]") {
  Run run(ProgressStyle::kPlain);
  run.accounting.expect_texts(40, 4000);
  run.accounting.finish_texts(10, 2000);
  run.finish("a", seconds(5));
  CHECK(run.output.text() == "1/10 files, 10/40 texts, 0.0 texts/s\n");
  run.accounting.finish_texts(10, 1000);
  run.progress->tick(kStart + seconds(10));
  CHECK(lines_of(run.output.text()).back() == "1/10 files, 20/40 texts, 2.0 texts/s, ETA 0:02");
  const BarView view{10, 10, 0, 30, 40, 2.5, seconds(4), "", {}};
  CHECK(bar_lines(view, {}).front().ends_with("10/10 files  30/40 texts  ETA 0:04  2.5 texts/s"));
}

TEST_CASE("terminal text: what a name may not do there is written out", "[progress]") {
  CHECK(printable("a\tb\x7f\x1b[31m") == "a\\x09b\\x7f\\x1b[31m");
  CHECK(printable("\xc2\x85|\xe2\x80\xae|\xe2\x81\xa6") ==
        "\\xc2\\x85|\\xe2\\x80\\xae|\\xe2\\x81\\xa6");
  CHECK(printable("h\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80") ==
        "h\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80");
  CHECK(display_width("h\xc3\xa9") == 2);
  CHECK(display_width("e\xcc\x81\xe6\x97\xa5\xf0\x9f\x98\x80") == 5);
  CHECK(keep_end("abcdefgh", 6) == "...fgh");
  CHECK(keep_end("abc", 3) == "abc");
  CHECK(keep_end("abcdef", 2) == "..");
  CHECK(keep_start("\xe6\x97\xa5\xe6\x9c\xac", 3) == "\xe6\x97\xa5");
}

TEST_CASE("progress: times read as clocks do", "[progress]") {
  CHECK(clock_text(seconds(5)) == "0:05");
  CHECK(clock_text(seconds(3599)) == "59:59");
  CHECK(clock_text(seconds(3600)) == "1:00:00");
}

}  // namespace forkdex
