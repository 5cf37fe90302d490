#pragma once

// Log lines on stderr: time, level, pid, event, key=value, as text or as one JSON
// object a line. A line leaves in a single write, so that lines of several processes and threads
// never mix. Any thread may write; configure and redirect before the first one starts.

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace forkdex {

enum class LogLevel : std::uint8_t { kInfo, kWarning, kError };
enum class LogFormat : std::uint8_t { kText, kJson };

/// One key=value of a line. The text a view points to must live until the line is written.
struct LogField {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, double, bool> value;

  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, bool v) : key(k), value(v) {}
  LogField(std::string_view k, double v) : key(k), value(v) {}
  template <std::integral I>
  LogField(std::string_view k, I v) : key(k), value(static_cast<std::int64_t>(v)) {}
};
using LogFields = std::initializer_list<LogField>;

struct LogOptions {
  LogLevel threshold = LogLevel::kInfo;  ///< lines below it are dropped
  LogFormat format = LogFormat::kText;
};
void configure_log(LogOptions options);

/// Gives every finished line, newline included, to `writer` instead of stderr: whatever draws on
/// the terminal must make room first. An empty function restores stderr.
void redirect_log(std::function<void(std::string_view line)> writer);

void log(LogLevel level, std::string_view event, LogFields fields = {});

inline void log_info(std::string_view event, LogFields fields = {}) {
  log(LogLevel::kInfo, event, fields);
}
inline void log_warning(std::string_view event, LogFields fields = {}) {
  log(LogLevel::kWarning, event, fields);
}
inline void log_error(std::string_view event, LogFields fields = {}) {
  log(LogLevel::kError, event, fields);
}

/// The line that log() writes, newline included. Bytes that would break a line or a terminal are
/// escaped; bytes that are not UTF-8 become U+FFFD in JSON.
std::string format_log_line(LogFormat format, std::chrono::system_clock::time_point when, int pid,
                            LogLevel level, std::string_view event, LogFields fields);

}  // namespace forkdex
