#pragma once

#include <time.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

namespace forkdex::test {

/// Asks `condition` until it holds, a few hundred times a second at most. BLOCKS up to `limit`.
/// Throws with `what` and what `seen` last told when it never does.
template <class Condition, class Seen>
void wait_until(const std::string& what, Condition condition, Seen seen,
                std::chrono::seconds limit = std::chrono::seconds(30)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("waited " + std::to_string(limit.count()) + " s in vain until " +
                               what + "; last seen: " + seen());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
  }
}

template <class Condition>
void wait_until(const std::string& what, Condition condition) {
  wait_until(what, condition, [] { return std::string("nothing"); });
}

/// Waits until files written so far are older than any file system's clock is coarse.
inline void let_time_pass() {
  timespec since{};
  ::clock_gettime(CLOCK_REALTIME, &since);
  wait_until("files are no longer new", [&] {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return (now.tv_sec - since.tv_sec) * 1000 + (now.tv_nsec - since.tv_nsec) / 1'000'000 > 200;
  });
}

}  // namespace forkdex::test
