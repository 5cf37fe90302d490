#include "supervisor/terminal/output.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include <catch2/catch.hpp>

#include "common/base/unique_fd.h"

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

TEST_CASE("output: a descriptor is open for writing -> none but that one passes", "[output]") {
  for (const int flags : {O_WRONLY, O_RDWR, O_WRONLY | O_APPEND, O_RDWR | O_NONBLOCK}) {
    const UniqueFd file(::open("/dev/null", flags | O_CLOEXEC));
    CHECK(check_output(file.get()).ok());
  }
  const UniqueFd read_only(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd path(::open("/", O_PATH | O_CLOEXEC));
  for (const int fd : {read_only.get(), path.get(), -1}) {
    const auto checked = check_output(fd);
    REQUIRE_FALSE(checked.ok());
    CHECK(checked.error().code == ErrorCode::kPathUnusable);
  }
}
