#pragma once

#include <chrono>
#include <functional>
#include <optional>

namespace forkdex {

/// How long somebody else, a server or the holder of a lock, is waited for. Without either member:
/// as long as it takes.
struct Patience {
  /// A server that says nothing for so long counts as lost, and its connection with it.
  std::optional<std::chrono::milliseconds> silence;
  /// Asked several times a second; false ends the wait: a server that is still silent two seconds
  /// later counts as lost. May be empty.
  std::function<bool()> keep_waiting;
  /// How often it is asked.
  static constexpr std::chrono::milliseconds kBetweenQuestions{100};

  bool lasts() const { return !keep_waiting || keep_waiting(); }
};

}  // namespace forkdex
