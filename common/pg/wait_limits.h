#pragma once

#include <chrono>
#include <functional>
#include <optional>

namespace forkdex {

/// The limits of a wait for a server or for the holder of a lock. Without either member there is no
/// limit.
struct WaitLimits {
  /// A server that says nothing for so long counts as lost, and its connection with it.
  std::optional<std::chrono::milliseconds> silence;
  /// Asked several times a second; false ends the wait: a server that is still silent two seconds
  /// later counts as lost. May be empty.
  std::function<bool()> keep_waiting;
  /// How often it is asked.
  static constexpr std::chrono::milliseconds kBetweenQuestions{100};

  bool allows_waiting() const { return !keep_waiting || keep_waiting(); }
};

}  // namespace forkdex
