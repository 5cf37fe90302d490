#include "supervisor/terminal/output.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>

#include <catch2/catch.hpp>

using namespace forkdex;

TEST_CASE("output: a full device is an error", "[output]") {
  std::FILE* full = std::fopen("/dev/full", "we");
  REQUIRE(full);
  const auto written = write_output("text", full);
  REQUIRE_FALSE(written.ok());
  CHECK(written.error().code == ErrorCode::kDiskFull);
  std::fclose(full);
}

TEST_CASE("output: a reader that went away is none", "[output]") {
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  int ends[2] = {};
  REQUIRE(::pipe(ends) == 0);
  ::close(ends[0]);
  std::FILE* pipe = ::fdopen(ends[1], "w");
  REQUIRE(pipe);
  CHECK(write_output("text", pipe).ok());
  std::fclose(pipe);
  ::signal(SIGPIPE, before);
}
