// git's configuration that the environment names, as git itself takes it.

#include <catch2/catch.hpp>
#include <string>

#include "supervisor/repository/listing.h"
#include "tests/unit/supervisor/repository/listing_fixture.h"

using namespace forkdex::test::listing;

namespace {

/// A repository with untracked files, and configuration files each of which ignores one of them.
struct Configured {
  Configured() {
    make_repository(folder);
    for (const char* name : {"home", "global", "system", "given"}) {
      folder.write(std::string("x.") + name);
      files.write(std::string(name) + "_rules", std::string("x.") + name + "\n");
      if (name != std::string("home"))
        files.write(name, config(name));
      else
        files.write("user/.gitconfig", config(name));
    }
  }
  std::string config(const std::string& name) const {
    return "[core]\n\texcludesFile = " + rules(name) + "\n";
  }
  std::string rules(const std::string& name) const { return files / (name + "_rules"); }

  /// Which of the files is ignored here, and by git.
  std::string ignored() const {
    std::string here = "none";
    for (const char* name : {"home", "global", "system", "given"}) {
      const auto paths = list_paths(folder.path());
      if (std::find(paths.begin(), paths.end(), std::string("x.") + name) == paths.end())
        here = name;
    }
    const auto git = forkdex::test::execute(
        {"git", "-C", folder.path(), "status", "--porcelain", "--ignored", "--untracked-files"});
    REQUIRE(git.status == 0);
    const std::size_t at = git.output.find("!! x.");
    const std::string by_git = at == std::string::npos
                                   ? "none"
                                   : git.output.substr(at + 5, git.output.find('\n', at) - at - 5);
    CHECK(here == by_git);
    return here;
  }

  ScratchFolder folder;
  ScratchFolder files;
};

TEST_CASE("listing: configuration files that the environment names replace the usual ones",
          "[listing]") {
  const Configured set;
  const ScopedVariable home("HOME", set.files / "user");
  const ScopedVariable no_system("GIT_CONFIG_NOSYSTEM", "1");
  CHECK(set.ignored() == "home");
  SECTION("the user's") {
    const ScopedVariable variable("GIT_CONFIG_GLOBAL", set.files / "global");
    CHECK(set.ignored() == "global");
  }
  SECTION("the user's, with a path below the home") {
    set.files.write("global", "[core]\n\texcludesFile = ~/own\n");
    set.files.write("user/own", "x.global\n");
    const ScopedVariable variable("GIT_CONFIG_GLOBAL", set.files / "global");
    CHECK(set.ignored() == "global");
  }
  SECTION("the user's, which are none") {
    const std::string none = GENERATE(as<std::string>(), "/dev/null", "/nonexistent", "");
    const ScopedVariable variable("GIT_CONFIG_GLOBAL", none);
    CHECK(set.ignored() == "none");
    const ScopedVariable system("GIT_CONFIG_SYSTEM", set.files / "system");
    CHECK(set.ignored() == "none");
    const ScopedVariable with_system("GIT_CONFIG_NOSYSTEM", "false");
    CHECK(set.ignored() == "system");
  }
  SECTION("the system's is weaker than the user's") {
    const ScopedVariable system("GIT_CONFIG_SYSTEM", set.files / "system");
    const ScopedVariable with_system("GIT_CONFIG_NOSYSTEM", "0");
    CHECK(set.ignored() == "home");
  }
  CHECK(set.ignored() == "home");
}

TEST_CASE("listing: single values that the environment gives are stronger than all files",
          "[listing]") {
  const Configured set;
  const ScopedVariable home("HOME", set.files / "user");
  const ScopedVariable no_system("GIT_CONFIG_NOSYSTEM", "1");
  set.folder.git({"config", "core.excludesFile", set.rules("home")});
  const ScopedVariable count("GIT_CONFIG_COUNT", "2");
  const ScopedVariable key("GIT_CONFIG_KEY_0", "filter.a \"b\\.c.clean");
  const ScopedVariable value("GIT_CONFIG_VALUE_0", "say \"x\" # \\ \t;\n twice");
  const ScopedVariable second_key("GIT_CONFIG_KEY_1", "core.excludesFile");
  {
    const ScopedVariable second_value("GIT_CONFIG_VALUE_1", set.rules("given"));
    CHECK(set.ignored() == "given");
    const ScopedVariable none("GIT_CONFIG_COUNT", GENERATE(as<std::string>(), "0", ""));
    CHECK(set.ignored() == "home");
  }
  CHECK_THAT(refusal(set.folder.path(), ErrorCode::kRepositoryUnusable),
             Catch::Contains("GIT_CONFIG_VALUE_1"));
  const ScopedVariable odd("GIT_CONFIG_COUNT", "many");
  CHECK_THAT(refusal(set.folder.path(), ErrorCode::kRepositoryUnusable),
             Catch::Contains("GIT_CONFIG_COUNT"));
}

}  // namespace
