#include "supervisor/fleet/launch.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>

#include <boost/process/v2/process.hpp>
#include <boost/process/v2/stdio.hpp>

namespace forkdex {
namespace process = boost::process::v2;
namespace {

/// What a worker may not find in its environment: the URL may hold a password.
constexpr std::array<std::string_view, 4> kWithheld = {
    "DATABASE_URL=", "FORKDEX_DATABASE_URL=", "PGPASSWORD=", "OMP_NUM_THREADS="};
/// What it must: one compute thread a process; and small caches of oneDNN's primitives, of which
/// every number of tokens in a batch needs its own (docs/benchmarks.md: 80 MB less, no slower).
constexpr std::array<const char*, 4> kGiven = {"OMP_NUM_THREADS=1", "MALLOC_ARENA_MAX=1",
                                               "ONEDNN_PRIMITIVE_CACHE_CAPACITY=16",
                                               "LRU_CACHE_CAPACITY=16"};

std::vector<const char*> worker_environment() {
  std::vector<const char*> environment;
  for (char** entry = ::environ; *entry; ++entry) {
    const std::string_view text(*entry);
    bool withheld = false;
    for (const std::string_view prefix : kWithheld) withheld |= text.starts_with(prefix);
    if (!withheld) environment.push_back(*entry);
  }
  environment.insert(environment.end(), kGiven.begin(), kGiven.end());
  environment.push_back(nullptr);
  return environment;
}

/// Holds the descriptor numbers a worker expects, so that nothing the parent opens for the spawn
/// (the launcher's own pipe above all) lands on a number that the child is about to overwrite.
std::vector<UniqueFd> reserve_worker_fds() {
  std::vector<UniqueFd> held;
  do {
    held.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  } while (held.back().valid() && held.back().get() < kFirstFreeFd);
  return held;
}

/// The same file under a number above those a worker expects.
UniqueFd moved_up(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, kFirstFreeFd)); }

/// Runs in the child between fork and exec: only async-signal-safe calls.
struct WorkerLaunch {
  const std::array<UniqueFd, kFirstFreeFd - kSegmentFd>& inherited;
  const ChildLimits& limits;
  std::vector<const char*> environment = worker_environment();
  pid_t supervisor = ::getpid();

  template <class Launcher, class Path>
  process::error_code on_setup(Launcher& launcher, const Path&, const char* const*&) const {
    launcher.env = environment.data();
    for (int fd = kSegmentFd; fd < kFirstFreeFd; ++fd) launcher.fd_whitelist.push_back(fd);
    return {};
  }

  template <class Launcher, class Path>
  process::error_code on_exec_setup(Launcher&, const Path&, const char* const*&) const {
    ::setsid();
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return process::detail::get_last_error();
    if (::getppid() != supervisor) ::_exit(kExitBug);  // it died before the line above
    apply_in_child(limits);
    for (std::size_t i = 0; i < inherited.size(); ++i)
      if (::dup2(inherited[i].get(), kSegmentFd + static_cast<int>(i)) < 0)
        return process::detail::get_last_error();
    // The launcher leaves descriptors open that it made without CLOEXEC.
    if (::close_range(kFirstFreeFd, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
      return process::detail::get_last_error();
    return {};
  }
};

}  // namespace

Result<pid_t> launch(boost::asio::io_context& context, const std::filesystem::path& executable,
                     const std::vector<std::string>& arguments, const InheritedFds& inherited,
                     const ChildLimits& limits) try {
  if (::access(executable.c_str(), X_OK) != 0)
    return system_error(ErrorCode::kBug, executable.string() + " cannot be run", errno);
  const std::vector<UniqueFd> reserved = reserve_worker_fds();
  std::array<UniqueFd, kFirstFreeFd - kSegmentFd> fds;
  for (std::size_t i = 0; i < fds.size(); ++i) fds[i] = moved_up(inherited.fds[i]);
  const UniqueFd errors = moved_up(inherited.errors);
  // A failed exec ends the child through exit(): unflushed output would be written twice.
  std::fflush(nullptr);
  process::process child(context, executable.string(), arguments,
                         process::process_stdio{nullptr, nullptr, errors.get()},
                         WorkerLaunch{fds, limits});
  return static_cast<pid_t>(child.detach().id());
} catch (const boost::system::system_error& error) {
  return Error{ErrorCode::kBug, executable.string() + " cannot be started", error.what()};
}

}  // namespace forkdex
