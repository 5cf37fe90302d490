#pragma once

// One repository after another, set up by lines of shell, listed by us and by the git program.

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "supervisor/repository/listing.h"
#include "tests/unit/supervisor/repository/listing_fixture.h"

namespace forkdex::test::listing {

/// What a folder's list is compared with.
enum class Expected {
  kAsGit,    ///< git's list; git must have one
  kPlain,    ///< the list of the repository before it was set up, whatever git says
  kRefused,  ///< no list: kRepositoryUnusable
};

/// A way to set up the repository of a GitComparison.
struct SetUp {
  std::string lines;  ///< of bash, run in the work tree's top; $W, $ME: see below
  Expected expected = Expected::kAsGit;
  std::string folder = ".";  ///< what is listed, below the top
};

/// The paths that we list; "refused: " and the sentence where there is no list.
inline Paths listed_here(const fs::path& folder) {
  const auto info = forkdex::inspect_repository(folder);
  if (!info) {
    CHECK(info.error().code == ErrorCode::kRepositoryUnusable);
    return {"refused: " + info.error().text()};
  }
  return paths_of(list(*info));
}

/// The paths that git lists, without those that are neither in the work tree nor left out of it by
/// a sparse checkout; "refused" where it has no list.
inline Paths listed_by_git(const fs::path& folder) {
  const auto ask = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"git", "-C", folder, "ls-files", "-z"});
    return execute(arguments);
  };
  const auto split = [](const std::string& text) {
    Paths parts;
    for (std::size_t from = 0; from < text.size();) {
      const std::size_t end = text.find('\0', from);
      parts.push_back(text.substr(from, end - from));
      from = end + 1;
    }
    return parts;
  };
  const auto all = ask({"--cached", "--others", "--exclude-standard"});
  if (all.status != 0) return {"refused"};
  std::set<std::string> found;
  std::set<std::string> sparse;
  for (const std::string& line : split(ask({"--cached", "-t"}).output))
    if (line.starts_with("S ")) sparse.insert(line.substr(2));
  for (std::string path : split(all.output)) {
    if (path.ends_with('/')) path.pop_back();  // a repository of its own
    if (fs::exists(fs::symlink_status(folder / path)) || sparse.contains(path)) found.insert(path);
  }
  return {found.begin(), found.end()};
}

class GitComparison {
 public:
  /// `W` holds rules and configuration to refer to, each for one ending of names: rules
  /// (`*.secret`), other (`*.inc`, named by the configuration file inc), home/rules (`*.home`).
  GitComparison() {
    place_.write("rules", "*.secret\n");
    place_.write("other", "*.inc\n");
    place_.write("inc", "[core]\n\texcludesFile = " + (place_ / "other").string() + "\n");
    place_.write("home/rules", "*.home\n");
    fs::create_directories(place_ / "home/.config/git");
    const std::string model = place_ / "model";
    fs::create_directory(model);
    for (const char* name : {"a.txt", "b/c.txt", "z/deep/f"})
      place_.write("model/" + std::string(name));
    place_.git({"init", "-q", "-b", "main", "model"});
    place_.git({"-C", model, "add", "."});
    place_.git({"-C", model, "commit", "-qm", "first"});
    for (const char* name : {"a.secret", "a.home", "a.xdg", "a.inc", "b/u.secret"})
      place_.write("model/" + std::string(name));
    plain_ = listed_by_git(model);
    REQUIRE(plain_.size() == 8);
  }

  const ScratchFolder& place() const { return place_; }
  const Paths& plain() const { return plain_; }

  /// A new repository on which `lines` were run. Those of the user's own files that earlier lines
  /// made are gone.
  fs::path make(const std::string& lines, bool must_succeed = true) {
    for (const char* name : {".gitconfig", ".config/git/config", ".config/git/ignore"})
      fs::remove_all(place_ / "home" / name);
    const fs::path tree = place_ / ("tree" + std::to_string(++made_));
    const std::string script =
        "set -e; cp -a \"$W/model\" \"$1\"; cd \"$1\"; git update-index -q --refresh; " + lines;
    const auto ran = execute({"bash", "-c", script, "bash", tree});
    if (must_succeed) {
      INFO(lines);
      REQUIRE(ran.status == 0);
    }
    return tree;
  }

  void compare(const SetUp& set_up) {
    CAPTURE(set_up.lines, set_up.folder);
    const fs::path folder = (make(set_up.lines) / set_up.folder).lexically_normal();
    const Paths here = listed_here(folder);
    if (set_up.expected == Expected::kRefused) {
      CHECK((here.size() == 1 && here[0].starts_with("refused: ")));
    } else if (set_up.expected == Expected::kPlain) {
      CHECK(here == plain_);
    } else {
      CHECK(here == listed_by_git(folder));
    }
  }

 private:
  /// A path to `file` that starts at the home of whoever runs the tests, which stays untouched.
  static std::string from_home(const fs::path& file) {
    const passwd* user = ::getpwuid(::getuid());
    REQUIRE(user);
    return "~" + std::string(user->pw_name) + "/" +
           file.lexically_relative(fs::canonical(user->pw_dir)).native();
  }

  ScratchFolder place_;
  const ScopedVariable home_{"HOME", place_ / "home"};
  const ScopedVariable config_home_{"XDG_CONFIG_HOME", place_ / "home/.config"};
  const ScopedVariable no_system_{"GIT_CONFIG_NOSYSTEM", "1"};
  const ScopedVariable w_{"W", place_.path()};
  const ScopedVariable me_{"ME", from_home(place_.path())};
  const ScopedVariable author_{"GIT_AUTHOR_NAME", "t"};
  const ScopedVariable author_email_{"GIT_AUTHOR_EMAIL", "t@example.org"};
  const ScopedVariable committer_{"GIT_COMMITTER_NAME", "t"};
  const ScopedVariable committer_email_{"GIT_COMMITTER_EMAIL", "t@example.org"};
  Paths plain_;
  int made_ = 0;
};

}  // namespace forkdex::test::listing
