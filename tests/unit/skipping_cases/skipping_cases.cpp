// Cases that are skipped, in whole or in part, for skip_test.cpp to run in a program of their own.

#include <catch2/catch.hpp>

#include "tests/support/leftovers.h"
#include "tests/support/skip.h"

namespace forkdex::test {

TEST_CASE("skipped in whole", "[whole]") { skip("there is no such machine"); }

TEST_CASE("skipped in part", "[part]") {
  CHECK(2 > 1);
  skip("there is no such machine");
}

TEST_CASE("passes", "[passes]") { CHECK(2 > 1); }

TEST_CASE("skipped in part, and fails", "[fails]") {
  skip("there is no such machine");
  CHECK(2 < 1);
}

}  // namespace forkdex::test

int main(int argc, char** argv) { return forkdex::test::run_tests(argc, argv); }
