#include "common/base/clock.h"

#include <catch2/catch.hpp>

namespace forkdex {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();

TEST_CASE("clock: a file's time in nanoseconds -> exact from 1677 to 2262", "[clock]") {
  CHECK(nanoseconds_of({0, 0}) == 0);
  CHECK(nanoseconds_of({-1, 999'999'999}) == -1);
  CHECK(nanoseconds_of({1'600'000'000, 5}) == 1'600'000'000 * kSecond + 5);
  CHECK(nanoseconds_of({9'223'372'035, 999'999'999}) == 9'223'372'035 * kSecond + 999'999'999);
  CHECK(nanoseconds_of({-9'223'372'035, 1}) == -9'223'372'035 * kSecond + 1);
}

TEST_CASE("clock: a file's time beyond 64 bits -> the nearest, in order and with its fraction",
          "[clock]") {
  std::int64_t before = kLeast;
  for (const std::int64_t seconds :
       {kLeast, -62'135'596'800L, -9'223'372'036L, -2'147'483'649L, 0L, 4'294'967'296L,
        9'223'372'036L, 9'223'372'037L, 15'032'385'535L, 253'402'300'800L, kMost}) {
    const std::int64_t now = nanoseconds_of({seconds, 999'999'999});
    CHECK(now >= before);
    CHECK((now < 0) == (seconds < 0));
    CHECK((now - 999'999'999) % kSecond == 0);
    before = now;
  }
}

}  // namespace forkdex
