#include "supervisor/installation/data_folder.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

namespace forkdex {
namespace {

constexpr uid_t kNobody = 65534;

/// Whether DataFolder::open in `home` says `wanted`, asked by a user that root's rights do not
/// help.
bool says(const std::string& home, const std::string& wanted) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("XDG_DATA_HOME", home.c_str(), 1);
    if (::geteuid() == 0 && ::setresuid(kNobody, kNobody, kNobody) != 0) ::_exit(2);
    const auto folder = DataFolder::open();
    ::_exit(!folder && folder.error().sentence.find(wanted) != std::string::npos ? 0 : 1);
  }
  int status = 0;
  return ::waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace

TEST_CASE("data folder: one of another user is told from one that is missing", "[database]") {
  std::string home = std::filesystem::temp_directory_path() / "forkdex-home-XXXXXX";
  REQUIRE(::mkdtemp(home.data()));
  REQUIRE(::chmod(home.c_str(), 0755) == 0);
  const std::string folder = home + "/forkdex";
  REQUIRE(::mkdir(folder.c_str(), 0000) == 0);
  CHECK(says(home, "cannot be used by this user"));
  ::rmdir(folder.c_str());
  ::rmdir(home.c_str());
}

}  // namespace forkdex
