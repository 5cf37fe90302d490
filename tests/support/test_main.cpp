#define CATCH_CONFIG_RUNNER  // Catch itself is compiled here, once for both test programs
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/leftovers.h"
#include "tests/support/shallow_model.h"
#include "tests/support/skip.h"

extern char** environ;

namespace forkdex::test {
namespace fs = std::filesystem;
namespace {

int cases_with_leftovers = 0;

/// Looks around before each case and after it. A process that was told to end may take a moment
/// to, and so has one.
class LeftoverListener : public Catch::TestEventListenerBase {
 public:
  using TestEventListenerBase::TestEventListenerBase;

  void testCaseStarting(const Catch::TestCaseInfo&) override { before_ = Surroundings::look(); }

  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    std::vector<std::string> added = before_.new_in(Surroundings::look());
    for (int look = 0; look < kLooks && !added.empty(); ++look) {
      std::this_thread::sleep_for(kBetweenLooks);
      added = before_.new_in(Surroundings::look());
    }
    if (added.empty()) return;
    ++cases_with_leftovers;
    std::fprintf(stderr, "LEFTOVERS of \"%s\":\n", stats.testInfo.name.c_str());
    for (const std::string& thing : added) std::fprintf(stderr, "  %s\n", thing.c_str());
  }

 private:
  static constexpr int kLooks = 100;
  static constexpr std::chrono::milliseconds kBetweenLooks{50};

  Surroundings before_;
};
CATCH_REGISTER_LISTENER(LeftoverListener)

/// Gives cases tagged [shallow] the shallow model where models compute in fp32: their runs take as
/// long as elsewhere then, which deadlines of a second and what is struck in mid-run ask for.
class ModelListener : public Catch::TestEventListenerBase {
 public:
  using TestEventListenerBase::TestEventListenerBase;

  void testCaseStarting(const Catch::TestCaseInfo& info) override {
    const bool tagged = std::count(info.tags.begin(), info.tags.end(), "shallow") > 0;
    if (!tagged || !computes_in_fp32()) return set_default_model({});
    const fs::path folder = fs::path(std::getenv("HOME")) / "shallow-model";
    if (!fs::exists(folder)) make_shallow_model(folder);
    set_default_model(folder);
  }
};
CATCH_REGISTER_LISTENER(ModelListener)

/// A home of the run's own: nothing of the user's settings comes in, nothing of ours stays.
class PrivateHome {
 public:
  PrivateHome() {
    std::string pattern = (fs::temp_directory_path() / "forkdex-XXXXXX").string();
    if (!mkdtemp(pattern.data())) throw std::system_error(errno, std::generic_category(), pattern);
    path_ = pattern;
    ::chmod(path_.c_str(), 0755);
    forget_settings();
    const std::pair<const char*, const char*> folders[] = {
        {"TMPDIR", "tmp"},           {"HOME", "home"},           {"XDG_DATA_HOME", "data"},
        {"XDG_CACHE_HOME", "cache"}, {"XDG_CONFIG_HOME", "etc"}, {"XDG_RUNTIME_DIR", "run"}};
    for (const auto& [variable, name] : folders) {
      fs::create_directory(path_ / name);
      ::setenv(variable, (path_ / name).c_str(), 1);
    }
    ::chmod((path_ / "run").c_str(), 0700);
    // Root's PostgreSQL is another user, who could not enter it.
    if (::geteuid() == 0) ::unsetenv("XDG_RUNTIME_DIR");
    ::setenv("LC_ALL", "C.UTF-8", 1);
  }

  ~PrivateHome() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

 private:
  static void forget_settings() {
    std::vector<std::string> names;
    for (char** entry = environ; *entry; ++entry) {
      const std::string_view text = *entry;
      if (text.starts_with("FORKDEX_TEST_")) continue;  // for the tests themselves
      if (text.starts_with("FORKDEX_") || text.starts_with("PG") || text.starts_with("GIT_") ||
          text.starts_with("DATABASE_URL=")) {
        names.emplace_back(text.substr(0, text.find('=')));
      }
    }
    for (const std::string& name : names) ::unsetenv(name.c_str());
  }

  fs::path path_;
};

}  // namespace

int run_tests(int argc, char** argv) {
  adopt_orphans();
  isolate_shared_folders();
  const OwnMemoryGroup group;
  PrivateHome home;
  const int failed = Catch::Session().run(argc, argv);
  stop_shared_server();
  return exit_status(failed != 0 ? failed : cases_with_leftovers);
}

}  // namespace forkdex::test
