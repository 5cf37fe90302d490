#pragma once

// A program under test: started with arguments and settings, watched, signalled, waited for.

#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace forkdex::test {

/// How a program ended, and all it printed.
struct Ended {
  int status = -1;  ///< exit status, or -1 when a signal ended it
  int signal = 0;   ///< the signal that ended it, or 0
  std::string out;
  std::string err;
  std::chrono::duration<double> elapsed{0};

  /// All of it, for a failing assertion.
  std::string text() const;
};

/// Whom a program runs as. All but kMe REQUIRE to be root.
enum class As {
  kMe,
  kNobody,              ///< the unprivileged user nobody
  kRootWithNoOverride,  ///< root whom file permissions bind like anybody else
};

/// What to run. `arguments[0]` is a path, or the name of one of our programs.
struct Command {
  std::vector<std::string> arguments;
  std::map<std::string, std::optional<std::string>> environment;  ///< nullopt removes a variable
  std::filesystem::path working_folder;                           ///< empty: this process's
  std::string input;                                              ///< what it reads on stdin
  As as = As::kMe;
};

/// One running program, in a process group of its own. Its output goes to unlinked memory, so it
/// never blocks on us. Destroying it kills and reaps it if it still runs (its descendants are the
/// leftover check's business).
class Program {
 public:
  /// Starts `command`. Throws std::system_error if that is impossible.
  explicit Program(const Command& command);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  int pid() const { return pid_; }
  bool running();

  /// REQUIRES running().
  void signal(int number);
  /// Signals its process group, as Ctrl-C does. REQUIRES running().
  void signal_group(int number);

  /// What it has printed so far.
  std::string out() const;
  std::string err() const;

  /// Waits until it ends. BLOCKS up to `limit`; then it is killed and std::runtime_error thrown,
  /// with what it had printed.
  Ended wait(std::chrono::seconds limit = std::chrono::seconds(300));

 private:
  bool reap(int timeout_ms);

  int pid_ = -1;
  int pid_fd_ = -1;
  int out_fd_ = -1;
  int err_fd_ = -1;
  bool reaped_ = false;
  Ended ended_;
  std::chrono::steady_clock::time_point started_;
};

/// Starts `command` and waits for its end.
Ended run(const Command& command, std::chrono::seconds limit = std::chrono::seconds(300));

/// `supervisor` with `arguments`, to be started as it is or after more is set.
Command supervisor_command(const std::vector<std::string>& arguments);

/// Runs `supervisor` with `arguments`.
Ended supervisor(const std::vector<std::string>& arguments,
                 std::chrono::seconds limit = std::chrono::seconds(300));

/// The path of one of our programs.
std::filesystem::path program_path(const std::string& name);

/// The folder deploy/setup installed into.
std::filesystem::path deps_folder();

/// The repository's root.
std::filesystem::path source_folder();

}  // namespace forkdex::test
