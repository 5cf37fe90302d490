#include "tests/support/program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {  // which glibc 2.36's header does not say itself
#include <sys/pidfd.h>
}

#include <cerrno>
#include <stdexcept>
#include <system_error>

extern char** environ;

namespace forkdex::test {
namespace fs = std::filesystem;
namespace {

constexpr const char* kNobodyUser = "--reuid=65534";
constexpr const char* kNobodyGroup = "--regid=65534";

void check(int error, const char* what) {
  if (error != 0) throw std::system_error(error, std::generic_category(), what);
}

/// A file without a name, for a program's input or output.
int unnamed_file(const char* label, const std::string& bytes = {}) {
  const int fd = ::memfd_create(label, MFD_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "memfd_create");
  if (::pwrite(fd, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw std::system_error(errno, std::generic_category(), "pwrite to a memfd");
  }
  ::fchmod(fd, 0666);  // a program that opens /dev/stdout anew may be another user
  return fd;
}

std::string content(int fd) {
  struct stat info = {};
  ::fstat(fd, &info);
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  const ssize_t got = ::pread(fd, bytes.data(), bytes.size(), 0);
  bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return bytes;
}

std::vector<std::string> full_arguments(const Command& command) {
  std::vector<std::string> arguments = command.arguments;
  if (arguments.at(0).find('/') == std::string::npos) {
    arguments[0] = program_path(arguments[0]).string();
  }
  std::vector<std::string> prefix;
  if (command.as != As::kMe) prefix = {"/usr/bin/setpriv", "--inh-caps=-all"};
  if (command.as == As::kNobody) {
    prefix.insert(prefix.end(), {kNobodyUser, kNobodyGroup, "--clear-groups"});
  }
  if (command.as == As::kRootWithNoOverride) {
    prefix.push_back("--bounding-set=-dac_override,-dac_read_search");
  }
  arguments.insert(arguments.begin(), prefix.begin(), prefix.end());
  return arguments;
}

std::vector<std::string> full_environment(const Command& command) {
  std::vector<std::string> entries;
  for (char** entry = environ; *entry; ++entry) {
    const std::string text = *entry;
    if (!command.environment.contains(text.substr(0, text.find('=')))) entries.push_back(text);
  }
  for (const auto& [name, value] : command.environment) {
    if (value) entries.push_back(name + "=" + *value);
  }
  return entries;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> list;
  for (std::string& text : strings) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

}  // namespace

std::string Ended::text() const {
  const std::string how =
      signal != 0 ? "signal " + std::to_string(signal) : "exit status " + std::to_string(status);
  return how + " after " + std::to_string(elapsed.count()) + " s\n--- stdout\n" + out +
         "--- stderr\n" + err + "---";
}

Program::Program(const Command& command) : started_(std::chrono::steady_clock::now()) {
  std::vector<std::string> arguments = full_arguments(command);
  std::vector<std::string> environment = full_environment(command);
  const int in_fd = unnamed_file("stdin", command.input);
  out_fd_ = unnamed_file("stdout");
  err_fd_ = unnamed_file("stderr");

  posix_spawn_file_actions_t actions;
  check(::posix_spawn_file_actions_init(&actions), "posix_spawn_file_actions_init");
  check(::posix_spawn_file_actions_adddup2(&actions, in_fd, 0), "dup2 stdin");
  check(::posix_spawn_file_actions_adddup2(&actions, out_fd_, 1), "dup2 stdout");
  check(::posix_spawn_file_actions_adddup2(&actions, err_fd_, 2), "dup2 stderr");
  if (!command.working_folder.empty()) {
    check(::posix_spawn_file_actions_addchdir_np(&actions, command.working_folder.c_str()),
          "chdir");
  }
  posix_spawnattr_t attributes;
  check(::posix_spawnattr_init(&attributes), "posix_spawnattr_init");
  check(::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP), "posix_spawnattr_setflags");
  const int error = ::posix_spawn(&pid_, arguments[0].c_str(), &actions, &attributes,
                                  pointers(arguments).data(), pointers(environment).data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(in_fd);
  if (error != 0) {
    ::close(out_fd_);
    ::close(err_fd_);
    throw std::system_error(error, std::generic_category(), "starting " + arguments[0]);
  }
  pid_fd_ = ::pidfd_open(pid_, 0);
}

Program::~Program() {
  if (!reaped_) {
    ::kill(pid_, SIGKILL);
    reap(-1);
  }
  for (const int fd : {pid_fd_, out_fd_, err_fd_}) ::close(fd);
}

bool Program::running() { return !reap(0); }

void Program::signal(int number) {
  if (::pidfd_send_signal(pid_fd_, number, nullptr, 0) != 0) {
    throw std::system_error(errno, std::generic_category(), "signalling " + std::to_string(pid_));
  }
}

void Program::signal_group(int number) {
  if (::kill(-pid_, number) != 0) {
    throw std::system_error(errno, std::generic_category(), "signalling " + std::to_string(pid_));
  }
}

std::string Program::out() const { return content(out_fd_); }
std::string Program::err() const { return content(err_fd_); }

bool Program::reap(int timeout_ms) {
  if (reaped_) return true;
  pollfd ended = {pid_fd_, POLLIN, 0};
  if (::poll(&ended, 1, timeout_ms) <= 0) return false;
  siginfo_t info = {};
  if (::waitid(P_PIDFD, static_cast<id_t>(pid_fd_), &info, WEXITED) != 0) {
    throw std::system_error(errno, std::generic_category(), "waitid");
  }
  reaped_ = true;
  ended_.elapsed = std::chrono::steady_clock::now() - started_;
  if (info.si_code == CLD_EXITED) {
    ended_.status = info.si_status;
  } else {
    ended_.signal = info.si_status;
  }
  return true;
}

Ended Program::wait(std::chrono::seconds limit) {
  const bool in_time = reap(static_cast<int>(std::chrono::milliseconds(limit).count()));
  if (!in_time) {
    signal(SIGKILL);
    reap(-1);
  }
  ended_.out = out();
  ended_.err = err();
  if (!in_time) {
    throw std::runtime_error("still running after " + std::to_string(limit.count()) +
                             " s: " + ended_.text());
  }
  return ended_;
}

Ended run(const Command& command, std::chrono::seconds limit) {
  return Program(command).wait(limit);
}

Command supervisor_command(const std::vector<std::string>& arguments) {
  Command command;
  command.arguments = {"supervisor"};
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  return command;
}

Ended supervisor(const std::vector<std::string>& arguments, std::chrono::seconds limit) {
  return run(supervisor_command(arguments), limit);
}

fs::path program_path(const std::string& name) { return fs::path(FORKDEX_BINARY_DIR) / name; }
fs::path deps_folder() { return FORKDEX_DEPS_DIR; }
fs::path source_folder() { return FORKDEX_SOURCE_DIR; }

}  // namespace forkdex::test
