// Requests to the fork server and its answers, with both ends in one process.

#include "common/protocol/fork_request.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>

#include <catch2/catch.hpp>

using namespace forkdex;
using namespace std::chrono_literals;

namespace {

struct Pair {
  Pair() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.data()) == 0);
    supervisor.reset(fds[0]);
    server.reset(fds[1]);
  }
  UniqueFd supervisor;
  UniqueFd server;
};

ino_t inode(int fd) {
  struct stat status{};
  REQUIRE(::fstat(fd, &status) == 0);
  return status.st_ino;
}

UniqueFd folder(const char* path) {
  UniqueFd fd(::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
  REQUIRE(fd.valid());
  return fd;
}

auto in(std::chrono::milliseconds delay) { return std::chrono::steady_clock::now() + delay; }

}  // namespace

TEST_CASE("fork request: number, limits and descriptors arrive in their places") {
  const bool with_group = GENERATE(false, true);
  Pair pair;
  const UniqueFd root = folder("/");
  const UniqueFd dev = folder("/dev");
  const UniqueFd proc = folder("/proc");
  const ChildLimits limits{with_group ? proc.get() : -1, 123'456'789'012, true};
  const InheritedFds inherited{{root.get(), dev.get(), root.get(), root.get()}, dev.get()};
  REQUIRE(send_fork_request(pair.supervisor.get(), 7, inherited, limits).ok());
  const auto received = receive_fork_request(pair.server.get());
  REQUIRE(received.ok());
  REQUIRE(received->has_value());
  const ForkRequest& request = **received;
  CHECK(request.number == 7);
  CHECK(request.limits.data_bytes == 123'456'789'012);
  CHECK(request.limits.first_to_go);
  CHECK(inode(request.fds[0].get()) == inode(root.get()));
  CHECK(inode(request.fds[1].get()) == inode(dev.get()));
  CHECK(inode(request.errors.get()) == inode(dev.get()));
  CHECK(::fcntl(request.errors.get(), F_GETFD) == FD_CLOEXEC);
  CHECK(request.cgroup.valid() == with_group);
  CHECK(request.limits.cgroup_procs_fd == request.cgroup.get());
  if (with_group) CHECK(inode(request.cgroup.get()) == inode(proc.get()));
}

TEST_CASE("fork request: what no supervisor sends is refused, and its end is the end") {
  Pair pair;
  const char text[] = "please fork";
  REQUIRE(::send(pair.supervisor.get(), text, sizeof text, 0) == sizeof text);
  CHECK_FALSE(receive_fork_request(pair.server.get()).ok());
  const std::array<char, 16> right_size{};
  REQUIRE(::send(pair.supervisor.get(), right_size.data(), right_size.size(), 0) == 16);
  CHECK_FALSE(receive_fork_request(pair.server.get()).ok());  // it has no descriptors
  pair.supervisor.reset();
  const auto none = receive_fork_request(pair.server.get());
  REQUIRE(none.ok());
  CHECK_FALSE(none->has_value());
}

TEST_CASE("fork request: answers arrive, and nobody is waited for in vain") {
  Pair pair;
  send_fork_answer(pair.server.get(), {3, 4711, 0});
  send_fork_answer(pair.server.get(), {4, -1, EAGAIN});
  const auto first = receive_fork_answer(pair.supervisor.get(), in(10s));
  REQUIRE(first);
  CHECK(first->number == 3);
  CHECK(first->pid == 4711);
  const auto second = receive_fork_answer(pair.supervisor.get(), in(10s));
  REQUIRE(second);
  CHECK(second->problem == EAGAIN);
  CHECK_FALSE(receive_fork_answer(pair.supervisor.get(), in(20ms)));
  send_fork_answer(pair.server.get(), {5, 4712, 0});
  pair.server.reset();
  CHECK(receive_fork_answer(pair.supervisor.get(), in(10s)));  // said before its end
  CHECK_FALSE(receive_fork_answer(pair.supervisor.get(), in(10s)));
  const auto sent = send_fork_request(pair.supervisor.get(), 6, {{0, 0, 0, 0}, 0}, ChildLimits{});
  REQUIRE_FALSE(sent.ok());
  CHECK(sent.error().sentence.find("cannot be asked") != std::string::npos);
}
