#include "tests/support/skip.h"

#include <catch2/catch.hpp>

#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace {

/// Runs those of unit/skipping_cases that `tags` select.
Ended cases(const std::string& tags, const std::string& skips_file = "/dev/null") {
  Command command;
  command.arguments = {FORKDEX_SKIPPING_CASES, tags};
  command.environment["FORKDEX_TEST_SKIPS"] = skips_file;
  return run(command);
}

constexpr const char* kWhole = "SKIPPED: skipped in whole: there is no such machine\n";
constexpr const char* kPart = "SKIPPED: skipped in part: there is no such machine\n";

}  // namespace

TEST_CASE("skip: a run of skipped cases alone says so by its status") {
  const Ended ended = cases("[whole]");
  INFO(ended.text());
  CHECK(ended.status == kAllSkipped);
  CHECK(ended.err.find(kWhole) != std::string::npos);
}

TEST_CASE("skip: a skipped case beside a passed one is a line, and the status is 0") {
  const Ended ended = cases("[whole],[passes]");
  INFO(ended.text());
  CHECK(ended.status == 0);
  CHECK(ended.err.find(kWhole) != std::string::npos);
}

TEST_CASE("skip: a case skipped after an assertion is a line, and the status is 0") {
  const Ended ended = cases("[part]");
  INFO(ended.text());
  CHECK(ended.status == 0);
  CHECK(ended.err.find(kPart) != std::string::npos);
}

TEST_CASE("skip: a failure beside skipped cases makes the status 1") {
  CHECK(cases("[fails]").status == 1);
  CHECK(cases("[whole],[fails]").status == 1);
}

TEST_CASE("skip: every line is appended to the file that FORKDEX_TEST_SKIPS names") {
  const TemporaryFolder folder;
  const std::string file = folder.path() / "skips";
  cases("[whole]", file);
  cases("[part]", file);
  CHECK(read_file(file) == std::string(kWhole) + kPart);
}

}  // namespace forkdex::test
