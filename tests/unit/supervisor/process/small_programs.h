#pragma once

// Small real programs to start, and what is seen of them.

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "common/base/io.h"
#include "supervisor/process/spawn.h"
#include "tests/support/processes.h"
#include "tests/support/wait_until.h"

namespace forkdex::test {

inline ChildSpec shell(const std::string& script) {
  ChildSpec spec;
  spec.program = "/bin/sh";
  spec.arguments = {"-c", script};
  spec.environment = {"PATH=/usr/bin:/bin"};
  return spec;
}

/// Does nothing until it is killed.
inline ChildSpec sleeper() {
  ChildSpec spec;
  spec.program = "/bin/sleep";
  spec.arguments = {"1000"};
  return spec;
}

inline ChildProcess must_spawn(const ChildSpec& spec) {
  auto child = spawn(spec);
  REQUIRE((child.ok() ? "" : child.error().text()) == "");
  return *std::move(child);
}

inline UniqueFd memory_file() { return UniqueFd(::memfd_create("spawn-test", MFD_CLOEXEC)); }

inline std::string content(const UniqueFd& file) {
  std::string text(4096, '\0');  // not by read(2): a child that writes has the same position
  const ssize_t size = read_all_at(file.get(), text, 0);
  REQUIRE(size >= 0);
  text.resize(static_cast<std::size_t>(size));
  return text;
}

struct Ran {
  std::string ended;
  std::string output;
};

/// Runs the child to its end.
inline Ran run(ChildSpec spec) {
  const UniqueFd output = memory_file();
  spec.output = output.get();
  ChildProcess child = must_spawn(spec);
  const auto ended = child.wait(std::chrono::seconds(30));
  return {ended ? describe(*ended) : "has not ended", content(output)};
}

/// The open descriptors of `pid`, each with what it leads to.
inline std::map<int, std::string> descriptors(const std::string& pid) {
  std::map<int, std::string> open;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + pid + "/fd")) {
    const std::string target = std::filesystem::read_symlink(entry.path(), gone);
    if (!gone && !target.ends_with("/fd")) open[std::stoi(entry.path().filename())] = target;
  }
  return open;
}

/// What stands behind `name` in /proc/`pid`/status.
inline std::string status_of(pid_t pid, const std::string& name) {
  std::istringstream lines(proc_file(pid, "status"));
  for (std::string word; lines >> word;)
    if (word == name + ":") return lines >> word ? word : "";
  return "no such line";
}

/// The descendants of this process, those that have ended and are not reaped included.
inline std::set<int> family() {
  std::set<int> pids;
  for (const ProcessInfo& info : descendants(::getpid())) pids.insert(info.pid);
  return pids;
}

/// Ends a process that became our child when its parent died, or that nobody else waits for.
inline void end_orphan(pid_t pid) {
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

}  // namespace forkdex::test
