// Gives libFuzzer the one check that is linked into the program.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/fuzz_target.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using forkdex::fuzz::targets;
  targets().front().check(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
