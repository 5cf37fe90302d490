#include "supervisor/terminal/log.h"

#include <thread>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "common/pg/url.h"

namespace forkdex {
namespace {

const std::chrono::system_clock::time_point kWhen{std::chrono::milliseconds(1700000000123)};

std::string line(LogFormat format, LogFields fields) {
  return format_log_line(format, kWhen, 42, LogLevel::kWarning, "lost", fields);
}

/// Collects lines instead of stderr for as long as it lives.
class Captured {
 public:
  explicit Captured(LogOptions options) {
    configure_log(options);
    redirect_log([this](std::string_view text) { lines.emplace_back(text); });
  }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;
  ~Captured() {
    redirect_log({});
    configure_log({});
  }
  std::vector<std::string> lines;
};

}  // namespace

TEST_CASE("log: a text line holds time, level, pid, event and fields", "[log]") {
  CHECK(line(LogFormat::kText, {{"path", "a b"}, {"n", 3}, {"ok", true}, {"s", 0.25}}) ==
        "2023-11-14T22:13:20.123Z warning pid=42 lost path=\"a b\" n=3 ok=true s=0.25\n");
  CHECK(line(LogFormat::kText, {}) == "2023-11-14T22:13:20.123Z warning pid=42 lost\n");
}

TEST_CASE("log: no value breaks a text line or reaches the terminal as a control", "[log]") {
  const std::string text = line(LogFormat::kText, {{"path", "a\n\x1b[31m\"b\\"}, {"none", ""}});
  CHECK(text.find("path=\"a\\n\\x1b[31m\\\"b\\\\\" none=\"\"\n") != std::string::npos);
  CHECK(text.find('\n') == text.size() - 1);
}

TEST_CASE("log: a value with C1 controls or bidirectional overrides -> a text line escapes them",
          "[log]") {
  const std::string text =
      line(LogFormat::kText, {{"path", "a\u202eb"}, {"isolate", "\u2066"}, {"csi", "\u009b1m"}});
  CHECK(
      text.ends_with("path=\"a\\xe2\\x80\\xaeb\" isolate=\"\\xe2\\x81\\xa6\" "
                     "csi=\"\\xc2\\x9b1m\"\n"));
  CHECK(line(LogFormat::kText, {{"path", "h\u00e9"}}).ends_with(" path=h\u00e9\n"));
}

TEST_CASE("log: a JSON line is one object whatever the bytes", "[log]") {
  const std::string text =
      line(LogFormat::kJson, {{"path", "a\n\xff\""}, {"n", -3}, {"ok", false}});
  CHECK(text.find('\n') == text.size() - 1);
  const auto object = nlohmann::json::parse(text);
  CHECK(object["time"] == "2023-11-14T22:13:20.123Z");
  CHECK(object["level"] == "warning");
  CHECK(object["pid"] == 42);
  CHECK(object["event"] == "lost");
  CHECK(object["path"] == "a\n\xef\xbf\xbd\"");
  CHECK(object["n"] == -3);
  CHECK(object["ok"] == false);
}

TEST_CASE("log: lines below the threshold are dropped", "[log]") {
  const Captured captured({LogLevel::kWarning, LogFormat::kText});
  log_info("unheard");
  log_warning("heard");
  log_error("heard");
  CHECK(captured.lines.size() == 2);
}

TEST_CASE("log: lines of several threads stay whole", "[log]") {
  const Captured captured({LogLevel::kInfo, LogFormat::kJson});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([thread] {
      for (int i = 0; i < 200; ++i) log_info("counted", {{"thread", thread}, {"i", i}});
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(captured.lines.size() == 800);
  for (const std::string& text : captured.lines) CHECK(nlohmann::json::accept(text));
}

TEST_CASE("url: what is shown of a URL holds no secret", "[url]") {
  CHECK(without_secrets("postgresql://u:p@h:5432/d?x=1") == "postgresql://h:5432/d?x=1");
  CHECK(without_secrets("postgresql://u:p@ss@h/d") == "postgresql://h/d");
  CHECK(without_secrets("postgresql://u:p#s?s@h/d") == "postgresql://h/d");
  CHECK(without_secrets("postgresql://h?user=a@b&password=p") == "postgresql://b&password=***");
  CHECK(without_secrets("https://token@github.com/a@b/c.git") == "https://github.com/a@b/c.git");
  CHECK(without_secrets("postgresql:///d?host=h&password=p%20q&user=u") ==
        "postgresql:///d?host=h&password=***&user=u");
  CHECK(without_secrets("postgresql:///d?password=p") == "postgresql:///d?password=***");
  CHECK(without_secrets("postgresql:///d?sslpassword=p#f") == "postgresql:///d?sslpassword=***");
  CHECK(without_secrets("git@github.com:a/b.git") == "git@github.com:a/b.git");
  CHECK(without_secrets("") == "");
}

TEST_CASE("url: a driver in the scheme is dropped", "[url]") {
  CHECK(without_driver("postgresql+asyncpg://u@h/d") == "postgresql://u@h/d");
  CHECK(without_driver("postgresql://u+x@h/d") == "postgresql://u+x@h/d");
  CHECK(without_driver("a+b") == "a+b");
}

}  // namespace forkdex
