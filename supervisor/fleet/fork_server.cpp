#include "supervisor/fleet/fork_server.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "supervisor/fleet/launch.h"
#include "supervisor/process/child_process.h"
#include "supervisor/process/readable.h"
#include "supervisor/process/stderr_tail.h"
#include "supervisor/terminal/log.h"

namespace forkdex {
namespace {

using Clock = std::chrono::steady_clock;

// Killed this often in a row before it was ready, it is not started again.
constexpr unsigned kMostFailedStarts = 3;

}  // namespace

struct ForkServer::State : std::enable_shared_from_this<ForkServer::State> {
  State(boost::asio::io_context& io, std::filesystem::path program, const WorkerSetup& whole,
        Deadlines limits)
      : context(io),
        executable(std::move(program)),
        setup{whole.models, whole.tuning, 0, std::nullopt},
        deadlines(limits),
        start_limit(io) {}

  enum class Phase {
    kStarting,
    kReady,
    kBroken,  // it was ready, and its end is on the way
  };
  /// One process: replaced as a whole when it dies.
  struct Server {
    Server(boost::asio::io_context& io, ChildProcess&& process, int fd, StderrTail&& pipe)
        : child(std::move(process)), socket(io, fd), tail(std::move(pipe)) {}
    void close() {
      boost::system::error_code ignored;
      socket.close(ignored);
      tail.close();
      child.reset();  // kills and reaps what still runs
    }
    std::optional<ChildProcess> child;
    boost::asio::posix::stream_descriptor socket;
    StderrTail tail;
    Phase phase = Phase::kStarting;
  };

  Result<void> launch_server();
  void watch(const std::shared_ptr<Server>& started);
  void became_readable(const std::shared_ptr<Server>& started);
  void ended(const std::shared_ptr<Server>& died);
  void settle();

  boost::asio::io_context& context;
  std::filesystem::path executable;
  WorkerSetup setup;  // what all incarnations share; the rest comes with each one's own
  Deadlines deadlines;
  boost::asio::steady_timer start_limit;
  std::function<void()> settled;
  std::shared_ptr<Server> server;  // shared with its own handlers
  std::uint32_t requests = 0;
  unsigned failed_starts = 0;
};

Result<void> ForkServer::State::launch_server() {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0)
    return system_error(ErrorCode::kBug, "a socket for the fork server cannot be made", errno);
  UniqueFd ours(pair[0]);
  const UniqueFd theirs(pair[1]);
  // Numbers that the clones' descriptors are to get must be in use in their parent.
  const UniqueFd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  auto settings = write_worker_setup(setup);
  if (!settings) return settings.error();
  StderrTail tail(context);
  auto errors = tail.open();
  if (!errors) return errors.error();
  auto child =
      launch(executable, {kForkServerFlag},
             {{theirs.get(), nothing.get(), nothing.get(), settings->get()}, errors->get()},
             ChildLimits{});
  if (!child) return child.error();
  server = std::make_shared<Server>(context, *std::move(child), ours.release(), std::move(tail));
  watch(server);
  return {};
}

void ForkServer::State::watch(const std::shared_ptr<Server>& started) {
  started->tail.watch(started);
  const std::weak_ptr<State> weak = weak_from_this();
  when_readable({started, &started->socket}, [weak, started] {
    if (const auto state = weak.lock()) state->became_readable(started);
  });
  started->child->when_ended(context, [weak, started] {
    if (const auto state = weak.lock()) state->ended(started);
  });
  start_limit.expires_after(deadlines.start);
  start_limit.async_wait([weak, started](const boost::system::error_code& error) {
    const auto state = weak.lock();
    if (!error && state && started->phase == Phase::kStarting && started->child)
      started->child->kill();
  });
}

/// The first message says that it is ready; without one it has ended, of which we hear elsewhere.
void ForkServer::State::became_readable(const std::shared_ptr<Server>& started) {
  if (!receive_fork_answer(started->socket.native_handle(), Clock::now())) return;
  started->phase = Phase::kReady;
  failed_starts = 0;
  start_limit.cancel();
  settle();
}

void ForkServer::State::ended(const std::shared_ptr<Server>& died) {
  if (died != server) return;
  died->tail.finish();
  const pid_t pid = died->child->pid();
  const ExitCause cause = died->child->reap();
  const bool was_ready = died->phase != Phase::kStarting;
  died->close();
  server.reset();
  // What ends by itself before it is ready would do so again; what was killed may come up.
  const bool again =
      was_ready || (!std::holds_alternative<Exited>(cause) && ++failed_starts < kMostFailedStarts);
  log_warning("fork_server.died", {{"pid", pid},
                                   {"cause", describe(cause)},
                                   {"stderr_tail", died->tail.text()},
                                   {"started_again", again}});
  if (again) {
    if (auto launched = launch_server(); !launched)
      log_warning("fork_server.not_started", {{"reason", launched.error().text()}});
  }
  if (!was_ready) settle();
}

void ForkServer::State::settle() {
  if (auto once = std::exchange(settled, nullptr)) boost::asio::post(context, std::move(once));
}

ForkServer::ForkServer(boost::asio::io_context& context, std::filesystem::path executable,
                       const WorkerSetup& setup)
    : ForkServer(context, std::move(executable), setup, Deadlines()) {}

ForkServer::ForkServer(boost::asio::io_context& context, std::filesystem::path executable,
                       const WorkerSetup& setup, Deadlines deadlines)
    : state_(std::make_shared<State>(context, std::move(executable), setup, deadlines)) {}

ForkServer::~ForkServer() {
  if (const auto server = std::exchange(state_->server, nullptr)) server->close();
}

void ForkServer::start(std::function<void()> settled) {
  state_->settled = std::move(settled);
  auto launched = state_->launch_server();
  if (launched) return;
  log_warning("fork_server.not_started", {{"reason", launched.error().text()}});
  state_->settle();
}

std::optional<pid_t> ForkServer::fork(const InheritedFds& inherited, const ChildLimits& limits) {
  if (!ready()) return std::nullopt;
  const std::shared_ptr<State::Server> server = state_->server;
  const int socket = server->socket.native_handle();
  const std::uint32_t number = ++state_->requests;
  if (!send_fork_request(socket, number, inherited, limits)) return std::nullopt;
  auto until = Clock::now() + state_->deadlines.answer;
  for (;;) {
    const auto answer = receive_fork_answer(socket, until);
    if (answer && answer->number != number) continue;  // the second answer to an earlier request
    if (answer && answer->problem == 0) return answer->pid;
    if (answer) {
      log_warning("fork_server.cannot_clone", {{"reason", std::strerror(answer->problem)}});
      return std::nullopt;
    }
    if (server->phase == State::Phase::kBroken) return std::nullopt;
    // Dead or hung. In either case a clone may have been made that still says so.
    server->phase = State::Phase::kBroken;
    server->child->kill();
    until = Clock::now() + state_->deadlines.answer;
  }
}

pid_t ForkServer::pid() const { return state_->server ? state_->server->child->pid() : -1; }

bool ForkServer::ready() const {
  return state_->server && state_->server->phase == State::Phase::kReady;
}

}  // namespace forkdex
