#pragma once

// What must hold for any bytes, one subject a file. libFuzzer looks for bytes for which it does not
// hold (preset fuzz, libfuzzer_main.cpp); unit_tests replays corpus/<name>/ through the same check.
// A check keeps nothing between two inputs but what is costly to make and does not change.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>

namespace forkdex::fuzz {

/// Says that something that must hold did not. It leaves the check, so that libFuzzer sees a crash
/// and Catch a failed case.
class Broken : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// Throws Broken, `what` being what should have held, unless `holds`.
void expect(bool holds, const char* what);

/// Tries one input. Throws Broken.
using Check = void (*)(std::string_view input);

struct Target {
  std::string_view name;  ///< of its file and of its folder in corpus/
  Check check;
};

/// Makes a check known to targets(). One object of static storage a file.
class Registration {
 public:
  Registration(std::string_view name, Check check);
};

/// The checks linked into this program, in no order.
std::span<const Target> targets();

/// Takes an input apart from its front. What is no longer there reads as zeros or nothing.
class Input {
 public:
  explicit Input(std::string_view bytes) : rest_(bytes) {}

  bool empty() const { return rest_.empty(); }
  /// At most `size` bytes.
  std::string_view bytes(std::size_t size);
  /// Up to the next '\n', which is taken too.
  std::string_view line();
  std::string_view rest() { return bytes(rest_.size()); }
  char letter() { return static_cast<char>(number<std::uint8_t>()); }

  /// Little-endian.
  template <std::unsigned_integral Number>
  Number number() {
    std::uint64_t value = 0;
    int shift = 0;
    for (const char byte : bytes(sizeof(Number))) {
      value |= std::uint64_t{static_cast<unsigned char>(byte)} << shift;
      shift += 8;
    }
    return static_cast<Number>(value);
  }

 private:
  std::string_view rest_;
};

}  // namespace forkdex::fuzz
