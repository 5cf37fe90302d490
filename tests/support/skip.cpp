#define CATCH_CONFIG_EXTERNAL_INTERFACES  // listeners
#include "tests/support/skip.h"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>

namespace forkdex::test {
namespace {

bool skipped_in_this_case = false;
int cases = 0;
int skipped_cases = 0;

/// Counts the cases of this program, and those that were skipped.
class SkipListener : public Catch::TestEventListenerBase {
 public:
  using TestEventListenerBase::TestEventListenerBase;

  void testCaseStarting(const Catch::TestCaseInfo&) override { skipped_in_this_case = false; }

  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    ++cases;
    if (skipped_in_this_case && stats.totals.assertions.total() == 0) ++skipped_cases;
  }
};
CATCH_REGISTER_LISTENER(SkipListener)

}  // namespace

void skip(const std::string& why) {
  skipped_in_this_case = true;
  const std::string line =
      "SKIPPED: " + Catch::getResultCapture().getCurrentTestName() + ": " + why + "\n";
  std::fputs(line.c_str(), stderr);
  const char* file = std::getenv("FORKDEX_TEST_SKIPS");
  if (!file) return;
  // In one write, because several programs append to it.
  const int fd = ::open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0 || ::write(fd, line.data(), line.size()) < 0) std::perror(file);
  if (fd >= 0) ::close(fd);
}

int exit_status(int failed) {
  if (failed != 0) return EXIT_FAILURE;
  return cases > 0 && skipped_cases == cases ? kAllSkipped : EXIT_SUCCESS;
}

}  // namespace forkdex::test
