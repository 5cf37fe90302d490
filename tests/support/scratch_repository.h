#pragma once

// A folder of its own for one test, and the git program on it. Removed with all it holds.

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace forkdex::test {

/// A program of another's that has ended.
struct Executed {
  int status = -1;  ///< as waitpid gives it
  std::string output;
};

/// Runs `argv` to its end. Throws std::runtime_error if it cannot be started.
inline Executed execute(const std::vector<std::string>& argv, const std::string& input = "") {
  std::vector<char*> raw;
  for (const std::string& argument : argv) raw.push_back(const_cast<char*>(argument.c_str()));
  raw.push_back(nullptr);
  FILE* in = std::tmpfile();
  FILE* out = std::tmpfile();
  if (!in || !out) throw std::runtime_error("no temporary file");
  std::fwrite(input.data(), 1, input.size(), in);
  std::fseek(in, 0, SEEK_SET);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fileno(in), 0);
  posix_spawn_file_actions_adddup2(&actions, fileno(out), 1);
  pid_t child = -1;
  const int error = posix_spawnp(&child, raw[0], &actions, nullptr, raw.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  Executed ended;
  if (error == 0) {
    while (::waitpid(child, &ended.status, 0) < 0 && errno == EINTR) continue;
  }
  std::fseek(out, 0, SEEK_SET);
  char buffer[65536];
  for (std::size_t got; (got = std::fread(buffer, 1, sizeof buffer, out)) > 0;)
    ended.output.append(buffer, got);
  std::fclose(in);
  std::fclose(out);
  if (error != 0) throw std::runtime_error("cannot start " + argv[0]);
  return ended;
}

/// Sets an environment variable while it lives.
class ScopedVariable {
 public:
  ScopedVariable(std::string name, const std::string& value) : name_(std::move(name)) {
    if (const char* before = ::getenv(name_.c_str())) before_ = before;
    was_set_ = ::getenv(name_.c_str()) != nullptr;
    ::setenv(name_.c_str(), value.c_str(), 1);
  }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;
  ~ScopedVariable() {
    if (was_set_)
      ::setenv(name_.c_str(), before_.c_str(), 1);
    else
      ::unsetenv(name_.c_str());
  }

 private:
  std::string name_;
  std::string before_;
  bool was_set_ = false;
};

/// While it lives, no configuration of the user who runs the tests counts.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = std::filesystem::temp_directory_path() / "forkdex-test-XXXXXX";
    if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
    path_ = std::filesystem::canonical(name);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() { std::filesystem::remove_all(path_); }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

  /// Writes a file and the folders it needs.
  void write(const std::string& name, const std::string& text = "x\n") const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream file(path_ / name, std::ios::binary);
    file << text;
    if (!file.flush()) throw std::runtime_error("cannot write " + name);
  }

  /// Runs git in the folder, apart from the user's own configuration, and gives its output.
  /// Throws std::runtime_error if it fails.
  std::string git(const std::vector<std::string>& arguments, const std::string& input = "") const {
    Executed ended = try_git(arguments, input);
    if (ended.status == 0) return std::move(ended.output);
    std::string shown = "failed: git";
    for (const std::string& argument : arguments) shown += ' ' + argument;
    throw std::runtime_error(shown);
  }

  Executed try_git(std::vector<std::string> arguments, const std::string& input = "") const {
    const std::vector<std::string> start = {"git",
                                            "-C",
                                            path_,
                                            "-c",
                                            "user.name=t",
                                            "-c",
                                            "user.email=t@example.org",
                                            "-c",
                                            "protocol.file.allow=always"};
    const ScopedVariable global("GIT_CONFIG_GLOBAL", "/dev/null");
    const ScopedVariable system("GIT_CONFIG_NOSYSTEM", "1");
    arguments.insert(arguments.begin(), start.begin(), start.end());
    return execute(arguments, input);
  }

 private:
  const ScopedVariable home_{"HOME", "/nonexistent"};
  const ScopedVariable config_home_{"XDG_CONFIG_HOME", "/nonexistent"};
  std::filesystem::path path_;
};

}  // namespace forkdex::test
