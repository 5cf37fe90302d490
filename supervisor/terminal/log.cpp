#include "supervisor/terminal/log.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <mutex>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/io.h"
#include "common/base/terminal_text.h"

namespace forkdex {
namespace {

constexpr std::array<std::string_view, 3> kLevels = {"info", "warning", "error"};

struct State {
  std::mutex mutex;
  LogOptions options;
  std::function<void(std::string_view)> writer;
};

// Never destroyed: a line may be written while static objects are being destroyed.
State& state() {
  static State* const instance = new State;
  return *instance;
}

std::string timestamp(std::chrono::system_clock::time_point when) {
  const auto since = std::chrono::floor<std::chrono::milliseconds>(when.time_since_epoch());
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(since).count();
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     (since % std::chrono::seconds(1)).count());
}

bool needs_quotes(std::string_view text) {
  return text.empty() || text.find_first_of(" \"\\=") != std::string_view::npos ||
         printable(text) != text;
}

void append_quoted(std::string& line, std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '"' || c == '\\') escaped += '\\';
    c == '\n' ? escaped += "\\n" : escaped += c;
  }
  line += '"' + printable(escaped) + '"';
}

void append_value(std::string& line, std::string_view text) {
  needs_quotes(text) ? append_quoted(line, text) : static_cast<void>(line += text);
}
void append_value(std::string& line, bool value) { line += value ? "true" : "false"; }
void append_value(std::string& line, std::int64_t value) { line += std::to_string(value); }
void append_value(std::string& line, double value) {
  fmt::format_to(std::back_inserter(line), "{:.6g}", value);
}

std::string text_line(std::string_view time, int pid, std::string_view level,
                      std::string_view event, LogFields fields) {
  std::string line = fmt::format("{} {} pid={}", time, level, pid);
  line += ' ';
  line += event;
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    std::visit([&](const auto& value) { append_value(line, value); }, field.value);
  }
  return line + '\n';
}

std::string json_line(std::string_view time, int pid, std::string_view level,
                      std::string_view event, LogFields fields) {
  nlohmann::ordered_json object = {{"time", time}, {"level", level}, {"pid", pid}};
  object["event"] = event;
  for (const LogField& field : fields)
    std::visit([&](const auto& value) { object[std::string(field.key)] = value; }, field.value);
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

void write_stderr(std::string_view line) {
  static_cast<void>(write_all(STDERR_FILENO, line));  // a reader that went away needs no line
}

}  // namespace

void configure_log(LogOptions options) {
  const std::lock_guard lock(state().mutex);
  state().options = options;
}

void redirect_log(std::function<void(std::string_view)> writer) {
  const std::lock_guard lock(state().mutex);
  state().writer = std::move(writer);
}

std::string format_log_line(LogFormat format, std::chrono::system_clock::time_point when, int pid,
                            LogLevel level, std::string_view event, LogFields fields) {
  const auto write = format == LogFormat::kJson ? json_line : text_line;
  return write(timestamp(when), pid, kLevels[static_cast<std::size_t>(level)], event, fields);
}

void log(LogLevel level, std::string_view event, LogFields fields) {
  const auto now = std::chrono::system_clock::now();
  const std::lock_guard lock(state().mutex);
  if (level < state().options.threshold) return;
  const std::string line =
      format_log_line(state().options.format, now, ::getpid(), level, event, fields);
  state().writer ? state().writer(line) : write_stderr(line);
}

}  // namespace forkdex
