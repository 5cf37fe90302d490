#include "supervisor/commands/signal_count.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>

namespace forkdex {
namespace {

volatile std::sig_atomic_t handled = 0;

TEST_CASE("signal count: each is counted and passed on, and the third ends the process") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::signal(SIGTERM, [](int) { handled = handled + 1; });
    count_signal(SIGTERM);
    ::raise(SIGTERM);
    if (signals_seen() != 1 || handled != 1) ::_exit(1);
    ::raise(SIGTERM);
    if (signals_seen() != 2 || handled != 2) ::_exit(2);
    ::raise(SIGTERM);
    ::_exit(3);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGTERM);
}

}  // namespace
}  // namespace forkdex
