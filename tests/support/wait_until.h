#pragma once

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

}  // namespace forkdex::test
