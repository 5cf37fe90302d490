#include "supervisor/process/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/process/v2/process.hpp>

#include "common/base/unique_fd.h"

namespace forkdex {
namespace process = boost::process::v2;
namespace {

/// What can fail. Boost's launcher passes one int from the child to us, errno: the child puts a
/// step above its own errno, and a failed exec puts none, so that it has to be the first one here.
enum class Step { kExec, kOutput, kClosing, kKeeping, kFolder, kUser, kDeathSignal };
constexpr int kErrnoBits = 12;

constexpr std::array<const char*, 7> kStepNames = {
    "starting the program", "redirecting output", "closing descriptors",      "keeping descriptors",
    "entering its folder",  "becoming its user",  "asking for a death signal"};

Error failure(const char* step, int problem) {
  return system_error(ErrorCode::kBug, fmt::format("{} failed", step), problem);
}

Error failure(Step step, int problem) {
  return failure(kStepNames[static_cast<std::size_t>(step)], problem);
}

Error decoded_failure(int value) {
  const auto step = static_cast<std::size_t>(value >> kErrnoBits);
  const int problem = value & ((1 << kErrnoBits) - 1);
  return failure(step < kStepNames.size() ? static_cast<Step>(step) : Step::kExec, problem);
}

/// The descriptors that the child's are made of, under numbers that none of its own will have.
struct SourceFds {
  std::vector<UniqueFd> reserved;
  UniqueFd input;
  UniqueFd output;
  UniqueFd errors;
  std::vector<UniqueFd> kept;  // invalid where the number stays

  /// ERRORS kBug with errno.
  Result<void> open(const ChildSpec& spec);
};

Result<void> SourceFds::open(const ChildSpec& spec) {
  int first_free = STDERR_FILENO + 1;
  for (const KeptFd& wanted : spec.kept)
    if (wanted.fd != wanted.number) first_free = std::max(first_free, wanted.number + 1);
  // Holds the descriptor numbers the child expects, so that nothing we open for the spawn (the
  // launcher's own pipe above all) lands on a number that the child is about to overwrite.
  do {
    reserved.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  } while (reserved.back().valid() && reserved.back().get() < first_free);
  if (!reserved.back().valid()) return failure(Step::kOutput, errno);
  const UniqueFd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  const auto moved_up = [&](int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, first_free)); };
  if (!(input = moved_up(reserved.back().get())).valid() ||
      !(output = moved_up(spec.output < 0 ? null.get() : spec.output)).valid() ||
      !(errors = moved_up(spec.errors < 0 ? null.get() : spec.errors)).valid())
    return failure(Step::kOutput, errno);
  for (const KeptFd& wanted : spec.kept) {
    kept.push_back(wanted.fd == wanted.number ? UniqueFd() : moved_up(wanted.fd));
    if (wanted.fd != wanted.number && !kept.back().valid()) return failure(Step::kKeeping, errno);
  }
  return {};
}

/// No signal reaches the calling thread while this exists.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  const sigset_t& before() const { return before_; }

 private:
  sigset_t before_;
};

/// What Boost's launcher calls on the child's way from fork to exec.
class Launch {
 public:
  Launch(const ChildSpec& spec, const SourceFds& sources, const sigset_t& mask)
      : spec_(spec), sources_(sources), mask_(mask), folder_(spec.working_folder.string()) {
    for (const std::string& entry : spec.environment) environment_.push_back(entry.c_str());
    environment_.push_back(nullptr);
    sigemptyset(&defaults_);
    for (const int signal : spec.default_signals) {
      sigdelset(&mask_, signal);
      sigaddset(&defaults_, signal);
    }
  }

  /// In us, once the launcher has its pipe.
  template <class Launcher, class Path>
  process::error_code on_setup(Launcher& launcher, const Path&, const char* const*&) {
    has_pipe_ = true;
    launcher.env = environment_.data();
    for (const KeptFd& wanted : spec_.kept) launcher.fd_whitelist.push_back(wanted.number);
    return {};
  }
  bool has_pipe() const { return has_pipe_; }

  /// In the child: only async-signal-safe calls.
  template <class Launcher, class Path>
  process::error_code on_exec_setup(Launcher&, const Path&, const char* const*&) const {
    Step step = Step::kExec;
    if (set_up(step)) return {};
    errno |= static_cast<int>(step) << kErrnoBits;
    return {errno, boost::system::system_category()};
  }

  /// In the child, when it could not become the program. The launcher would have it run what we
  /// have registered for our own exit, and write a second time what we have buffered. The arguments
  /// are any: the launcher looks for others than it passes.
  template <class... Arguments>
  void on_exec_error(Arguments&&...) const {
    ::_exit(kExitBug);
  }

 private:
  bool set_up(Step& step) const {
    ::setsid();
    reset_signals();
    apply_in_child(spec_.limits);  // before the file of its memory group can be overwritten
    if (spec_.umask) ::umask(*spec_.umask);
    step = Step::kOutput;
    if (::dup2(sources_.input.get(), STDIN_FILENO) < 0 ||
        ::dup2(sources_.output.get(), STDOUT_FILENO) < 0 ||
        ::dup2(sources_.errors.get(), STDERR_FILENO) < 0)
      return false;
    // The launcher leaves descriptors open that it made without CLOEXEC.
    step = Step::kClosing;
    if (::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0) return false;
    step = Step::kKeeping;
    for (std::size_t i = 0; i < spec_.kept.size(); ++i)
      if (!keep(sources_.kept[i], spec_.kept[i].number)) return false;
    step = Step::kFolder;
    if (!folder_.empty() && ::chdir(folder_.c_str()) != 0) return false;
    step = Step::kUser;
    if (spec_.user && !spec_.user->become()) return false;
    step = Step::kDeathSignal;
    return spec_.death_signal == 0 || follow_parent();
  }

  static bool keep(const UniqueFd& source, int number) {
    return source.valid() ? ::dup2(source.get(), number) >= 0 : ::fcntl(number, F_SETFD, 0) == 0;
  }

  /// After the change of credentials, which clears it.
  bool follow_parent() const {
    if (::prctl(PR_SET_PDEATHSIG, spec_.death_signal) != 0) return false;
    if (::getppid() != parent_) ::_exit(kExitBug);  // it died before the line above
    return true;
  }

  /// Our handlers must not run in the child: they write to pipes that it shares with us. What came
  /// before it had its session was meant for us, and is forgotten by being ignored.
  void reset_signals() const {
    struct sigaction ignored{};
    ignored.sa_handler = SIG_IGN;
    struct sigaction standard{};
    standard.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal) {
      struct sigaction ours{};
      if (::sigaction(signal, nullptr, &ours) != 0) continue;
      const bool handled = ours.sa_handler != SIG_IGN && ours.sa_handler != SIG_DFL;
      if (handled) ::sigaction(signal, &ignored, nullptr);
      if (handled || sigismember(&defaults_, signal) == 1) ::sigaction(signal, &standard, nullptr);
    }
    ::sigprocmask(SIG_SETMASK, &mask_, nullptr);
  }

  const ChildSpec& spec_;
  const SourceFds& sources_;
  sigset_t mask_;
  sigset_t defaults_;
  std::string folder_;
  std::vector<const char*> environment_;
  pid_t parent_ = ::getpid();
  bool has_pipe_ = false;
};

}  // namespace

bool ChildUser::become() const {
  return ::setgroups(groups.size(), groups.data()) == 0 && ::setresgid(gid, gid, gid) == 0 &&
         ::setresuid(uid, uid, uid) == 0;
}

Result<ChildProcess> spawn(const ChildSpec& spec) {
  SourceFds sources;
  if (const auto opened = sources.open(spec); !opened) return opened.error();
  process::posix::default_launcher launcher;
  process::error_code failed;
  bool unwatched = false;
  bool has_pipe = false;
  {
    const SignalsBlocked blocked;
    Launch launch(spec, sources, blocked.before());
    try {
      // A context of its own: the launcher has every service of a context rebuild itself in the
      // child, with calls that are not async-signal-safe.
      boost::asio::io_context context;
      launcher(context.get_executor(), failed, spec.program, spec.arguments, launch).detach();
    } catch (const boost::system::system_error& error) {
      failed = error.code();
      unwatched = true;
    }
    has_pipe = launch.has_pipe();
  }
  if (!failed) {
    auto child = ChildProcess::adopt(launcher.pid, spec.reach);
    if (!child) return Error{ErrorCode::kBug, "watching it failed", child.error().context};
    return child;
  }
  if (!has_pipe) return failure("making a pipe", failed.value());
  if (launcher.pid < 0) return failure("forking", failed.value());
  // The launcher does not wait for a child that it gives up; what is adopted and let go of is
  // reaped.
  const auto given_up = ChildProcess::adopt(launcher.pid);
  return unwatched ? failure("watching it", failed.value()) : decoded_failure(failed.value());
}

std::vector<std::string> our_environment(std::span<const std::string_view> withheld,
                                         std::span<const std::string_view> given) {
  std::vector<std::string> environment;
  for (char** entry = ::environ; *entry; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('='));
    if (std::find(withheld.begin(), withheld.end(), name) == withheld.end())
      environment.emplace_back(text);
  }
  environment.insert(environment.end(), given.begin(), given.end());
  return environment;
}

}  // namespace forkdex
