#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <random>
#include <string>

namespace forkdex::test {

/// What the random numbers of a test case start from: FORKDEX_TEST_SEED, or another each time. A
/// case that fails names it.
inline unsigned new_seed() {
  const char* given = std::getenv("FORKDEX_TEST_SEED");
  const unsigned seed =
      given ? static_cast<unsigned>(std::stoul(given, nullptr, 0)) : std::random_device()();
  UNSCOPED_INFO("seed " << seed << "; FORKDEX_TEST_SEED=" << seed << " repeats it");
  return seed;
}

}  // namespace forkdex::test
