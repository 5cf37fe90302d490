#include "worker/store/copy_encoder.h"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "tests/unit/postgres_fixture.h"

namespace forkdex {
namespace {

/// The value of a half, by its definition.
double value_of(std::uint16_t half) {
  const int exponent = (half >> 10) & 31;
  const int mantissa = half & 1023;
  const double sign = half & 0x8000 ? -1 : 1;
  if (exponent == 31) return mantissa ? std::nan("") : sign * HUGE_VAL;
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

TEST_CASE("copy encoder: every half comes back as itself") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const double value = value_of(half);
    if (std::isnan(value)) continue;
    const std::uint16_t again = half_from_float(static_cast<float>(value));
    if (again != half) FAIL("half " << bits << " became " << again);
  }
}

TEST_CASE("copy encoder: a float becomes the nearest half, ties to the even one") {
  for (std::uint32_t bits = 0; bits < 0x7c00; ++bits) {
    const auto below = static_cast<std::uint16_t>(bits);
    const auto above = static_cast<std::uint16_t>(bits + 1);
    // Past the largest half comes what would be the next, 65536, though it is written infinity.
    const double next = above == 0x7c00 ? 65536.0 : value_of(above);
    const auto middle = static_cast<float>((value_of(below) + next) / 2);
    const std::uint16_t even = below % 2 == 0 ? below : above;
    const float less = std::nextafter(middle, 0.0f);
    const float more = std::nextafter(middle, HUGE_VALF);
    const bool right = half_from_float(middle) == even && half_from_float(less) == below &&
                       half_from_float(more) == above &&
                       half_from_float(-middle) == (even | 0x8000);
    if (!right) FAIL("around half " << bits << " = " << middle);
  }
  CHECK(half_from_float(std::numeric_limits<float>::infinity()) == 0x7c00);
  CHECK(half_from_float(-1e30f) == 0xfc00);
  CHECK(std::isnan(value_of(half_from_float(std::nanf("")))));
  CHECK(half_from_float(std::bit_cast<float>(1u)) == 0);
}

TEST_CASE("copy encoder: PostgreSQL reads every type as it was written", "[postgres]") {
  PgConnection connection = test::connect(test::fresh_database("copy_types"));
  test::must_run(connection,
                 "CREATE TABLE t (a text, b bytea, c int, d bigint, f jsonb, g text, "
                 "h text)");
  const std::uint8_t bytes[] = {0, 255, 92};
  CopyEncoder rows;
  for (int round = 0; round < 2; ++round) {
    rows.row(7)
        .text("tab\t newline\n back\\slash €")
        .bytea(bytes)
        .int4(-7)
        .int8(std::numeric_limits<std::int64_t>::min())
        .jsonb(R"({"k": [1, "x"]})")
        .text("é")
        .null();
    rows.row(7).null().null().int4(0).int8(1).jsonb("{}").null().text("");
    REQUIRE(rows.rows() == 2);
    const auto copied = connection.copy_in("COPY t FROM STDIN (FORMAT binary)", rows.finish());
    REQUIRE((copied.ok() ? "" : copied.error().text()) == "");
    rows.clear();
  }
  const PgRows found = test::must_run(connection, "SELECT * FROM t ORDER BY c");
  REQUIRE(found.size() == 4);
  CHECK(found.text(0, 0) == "tab\t newline\n back\\slash €");
  CHECK(bytes_from_bytea(found.text(0, 1)) == std::string("\0\xff\\", 3));
  CHECK(found.integer(0, 2) == -7);
  CHECK(found.integer(0, 3) == std::numeric_limits<std::int64_t>::min());
  CHECK(found.text(0, 4) == R"({"k": [1, "x"]})");
  CHECK(found.text(0, 5) == "é");
  CHECK(found.is_null(0, 6));
  CHECK(found.is_null(2, 0));
  CHECK(found.is_null(2, 5));
  CHECK_FALSE(found.is_null(2, 6));
}

}  // namespace
}  // namespace forkdex
