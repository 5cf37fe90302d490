#include "supervisor/installation/locations.h"

#include <catch2/catch.hpp>

namespace forkdex {

TEST_CASE("locations: data is kept where the environment says, else where the user's is",
          "[locations]") {
  const Environment xdg = {{"XDG_DATA_HOME", "/x"}, {"HOME", "/h"}};
  CHECK(*data_folder(xdg, 1000) == "/x/forkdex");
  CHECK(*data_folder(xdg, 0) == "/x/forkdex");
  CHECK(*data_folder({{"HOME", "/h"}}, 1000) == "/h/.local/share/forkdex");
  CHECK(*data_folder({{"HOME", "/root"}}, 0) == "/var/lib/forkdex");
  CHECK(*data_folder({{"XDG_DATA_HOME", "relative"}, {"HOME", "/h"}}, 1000) ==
        "/h/.local/share/forkdex");
}

TEST_CASE("locations: a user without a home is told what to set", "[locations]") {
  constexpr uid_t kNobodyAtAll = 3999999999U;
  const auto folder = data_folder({}, kNobodyAtAll);
  REQUIRE_FALSE(folder.ok());
  CHECK(folder.error().code == ErrorCode::kConfigInvalid);
  CHECK(folder.error().sentence.find("XDG_DATA_HOME") != std::string::npos);
}

TEST_CASE("locations: dependencies stand beside the build, else where the package puts them",
          "[locations]") {
  CHECK(dependencies_folder("/nonexistent/build/dev/bin") == "/usr/lib/forkdex");
  CHECK(worker_executable().filename() == "worker");
  CHECK(executable_folder().is_absolute());
}

}  // namespace forkdex
