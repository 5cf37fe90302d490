// Configuration of every kind that bears on a listing: our list is git's.

#include <cstdint>
#include <random>

#include "tests/support/seed.h"
#include "tests/unit/supervisor/repository/git/git_comparison.h"

using namespace forkdex::test::listing;

namespace {

/// Where the rules are that the user's own files name.
const std::vector<SetUp> kExcludeFiles = {
    {"git config core.excludesFile $W/rules"},
    {"git config core.excludesFile '~/rules'"},
    {"git config core.excludesFile \"$ME/rules\""},
    {"git config core.excludesFile \"%(prefix)/../$W/rules\""},
    {"git config core.excludesFile \":(optional)$W/rules\""},
    {"git config core.excludesFile $W/rules; git config --add core.excludesFile "
     "':(optional)/nosuch'"},
    {"echo '*.secret' > r; git config core.excludesFile r"},
    {"echo '*.secret' > r; git config core.excludesFile r", Expected::kAsGit, "b"},
    {"echo '*.xdg' > $HOME/.config/git/ignore; git config core.excludesFile ''"},
    {"echo '*.xdg' > $HOME/.config/git/ignore"},
    {"git config core.excludesFile $W/rules; git config --add core.excludesFile $W/other"},
    {"git config --global core.excludesFile '~/rules'"},
    {"git config --global core.excludesFile \"$ME/other\"; git config core.excludesFile $W/rules"},
    {"echo '*.secret' > .git/info/exclude"},
    {"git config core.attributesFile \"$ME/rules\"; git config core.excludesFile $W/rules"},
    {"git config core.excludesFile '~nosuchuser/rules'", Expected::kRefused},
    {"printf '[core]\\n\\texcludesFile\\n' >> .git/config", Expected::kRefused},
};

const std::vector<SetUp> kIncludes = {
    {"git config include.path $W/inc"},
    {"cp $W/inc ~/inc; git config include.path '~/inc'"},
    {"git config include.path \"$ME/inc\""},
    {"cp $W/inc .git/inc; git config include.path inc"},
    {"git config include.path $W/inc; git config core.excludesFile $W/rules"},
    {"git config core.excludesFile $W/rules; printf '[include]\\npath=%s/inc\\n' $W >> "
     ".git/config"},
    {"git config include.path $W/nosuch"},
    {"git config --global include.path \"$ME/inc\"; git config core.excludesFile $W/rules"},
    {"printf '[include]\\npath=inc\\n' > $W/one; git config --global include.path $W/one"},
    {"git config \"includeIf.gitdir:$PWD/.path\" $W/inc"},
    {"git config \"includeIf.gitdir:$PWD/.git.path\" $W/inc"},
    {"git config \"includeIf.gitdir:${PWD^^}/.path\" $W/inc"},
    {"git config \"includeIf.gitdir/i:${PWD^^}/.path\" $W/inc"},
    {"git config 'includeIf.gitdir:**/tree*/.git.path' $W/inc"},
    {"git config 'includeIf.gitdir:nosuch/.path' $W/inc"},
    {"git config \"includeIf.gitdir:$ME/.path\" $W/inc"},
    {"git config --global 'includeIf.gitdir:~/.path' $W/inc"},
    {"cp $W/inc ~/inc; git config --global 'includeIf.gitdir:./.path' inc"},
    {"mv .git $PWD.git; ln -s $PWD.git .git; git config \"includeIf.gitdir:$PWD.git.path\" $W/inc"},
    {"mv .git $PWD.git; echo gitdir: $PWD.git > .git; git config "
     "\"includeIf.gitdir:$PWD.git.path\" "
     "$W/inc"},
    {"git config includeIf.onbranch:main.path $W/inc"},
    {"git config 'includeIf.onbranch:ma*.path' $W/inc"},
    {"git checkout -q -b feature/a; git config includeIf.onbranch:feature/.path $W/inc"},
    {"git checkout -q -b feature/a; git config 'includeIf.onbranch:*.path' $W/inc"},
    {"git checkout -q --detach; git config 'includeIf.onbranch:**.path' $W/inc"},
    {"git config includeIf.weather:rain.path $W/inc"},
    {"n=$W/deep; for i in 1 2 3 4 5 6; do printf '[include]\\npath=deep%s\\n' $((i+1)) > $n$i; "
     "done; "
     "cp $W/inc ${n}7; git config include.path ${n}1"},
    {"printf '[include]\\npath=loop\\n' > $W/loop; git config include.path $W/loop",
     Expected::kRefused},
};

const std::vector<SetUp> kRemoteConditions = {
    {"git config remote.origin.url https://example.org/a/b; git config "
     "'includeIf.hasconfig:remote.*.url:https://example.org/**.path' $W/inc"},
    {"git config remote.origin.url https://example.org/a/b; git config "
     "'includeIf.hasconfig:remote.*.url:https://example.org/*.path' $W/inc"},
    {"git config remote.up.url git@example.org:a/b; git config "
     "'includeIf.hasconfig:remote.*.url:git@example.org:*/**.path' $W/inc"},
    {"git config remote.origin.url https://x.org/a; git config "
     "'includeIf.hasconfig:remote.*.url:https://y.org/**.path' $W/inc"},
    {"git config remote.up.url https://example.org/q; git config --global "
     "'includeIf.hasconfig:remote.*.url:**/q.path' $W/inc"},
    {"printf '[includeIf \"hasconfig:remote.*.url:https://e.org/**\"]\\npath=%s/inc\\n' $W > "
     "$W/if; "
     "git config remote.up.url https://e.org/q; git config --global include.path $W/if"},
    {"git config 'includeIf.hasconfig:user.name:x.path' $W/inc"},
    {"printf '[remote \"u\"]\\nurl=z\\n' > $W/bad; git config remote.u.url https://e.org/q; "
     "git config 'includeIf.hasconfig:remote.*.url:https://e.org/**.path' $W/bad",
     Expected::kRefused},
};

const std::vector<SetUp> kWorkTrees = {
    {"git config extensions.worktreeConfig true; git config --worktree core.excludesFile $W/rules"},
    {"printf '[core]\\nexcludesFile=%s/rules\\n' $W > .git/config.worktree"},
    {"git config extensions.worktreeConfig true; git config --worktree include.path \"$ME/inc\""},
    {"git config extensions.worktreeConfig true; git config --worktree include.path $W/inc; "
     "git config core.excludesFile $W/rules"},
    {"git worktree add -q $W/one -b one; touch $W/one/a.secret; git config core.excludesFile "
     "$W/rules",
     Expected::kAsGit, "../one"},
    {"git worktree add -q $W/two -b two; touch $W/two/a.inc; git config "
     "'includeIf.gitdir:**/worktrees/two.path' $W/inc",
     Expected::kAsGit, "../two"},
    {"git worktree add -q $W/three -b three; touch $W/three/a.inc; git config "
     "includeIf.onbranch:three.path $W/inc",
     Expected::kAsGit, "../three"},
    {"git config extensions.worktreeConfig true; git worktree add -q $W/four -b four; cd $W/four; "
     "touch a.secret; git config --worktree core.excludesFile $W/rules",
     Expected::kAsGit, "../four"},
    {"n=$(basename $PWD); git worktree add -q $W/five -b five; echo gitdir: "
     "../$n/.git/worktrees/five > $W/five/.git; echo ../../../../five/.git > "
     ".git/worktrees/five/gitdir; git config core.repositoryformatversion 1; git config "
     "extensions.noop true",
     Expected::kAsGit, "../five"},
    {"git clone -q --bare . $W/bare.git; git -C $W/bare.git worktree add -q $W/six main; cd "
     "$W/bare.git; git config extensions.worktreeConfig true; git config --unset core.bare; git "
     "config --file config.worktree core.bare true; touch $W/six/a.secret; git config "
     "core.excludesFile $W/rules",
     Expected::kAsGit, "../six"},
    {"git config core.worktree ../"},
    {"git config core.worktree ../b", Expected::kAsGit, "b"},
    {"mkdir w; mv .git w; echo > w/q; git -C w config core.worktree ../..", Expected::kAsGit, "w"},
    {"git config extensions.worktreeConfig true; mkdir w; mv .git w; echo > w/q; printf "
     "'[core]\\nworktree=../..\\n' > w/.git/config.worktree",
     Expected::kAsGit, "w"},
    {"git config core.bare true", Expected::kRefused},
    {"git config extensions.worktreeConfig true; git config --unset core.bare; printf "
     "'[core]\\nbare=true\\n' > .git/config.worktree",
     Expected::kRefused},
};

/// What else git's documentation says of settings that a listing could depend on.
const std::vector<SetUp> kSettings = {
    {"git config core.ignoreCase true; echo '*.SECRET' > .gitignore"},
    {"git config core.ignoreCase true; mkdir .GIT; echo > .GIT/x"},
    {"mkdir .GIT; echo > .GIT/x"},
    {"git config --unset core.ignoreCase || true; git config --global core.ignoreCase true; echo "
     "'*.SECRET' > .gitignore"},
    {"git config core.protectHFS true; mkdir $'.g\\u200cit'; echo > $'.g\\u200cit/x'"},
    {"git config core.protectNTFS true; mkdir GIT~1; echo > GIT~1/x; mkdir .git.; echo > .git./y"},
    {"git config core.quotePath true; echo > é; echo > $'new\\nline'"},
    {"git config core.precomposeUnicode true; echo > $'e\\u0301'"},
    {"git config core.untrackedCache true; git update-index --untracked-cache; git status -s > "
     "/dev/null; git config core.excludesFile $W/rules"},
    {"printf '#!/bin/sh\\n' > $W/mon; chmod +x $W/mon; git config core.fsmonitor $W/mon; git "
     "update-index --fsmonitor"},
    {"git config status.showUntrackedFiles no"},
    {"git config core.trustctime false; git config core.checkStat minimal"},
    {"git config core.symlinks false; ln -s a.txt link; git add link"},
    {"git config feature.experimental true; git config index.threads 4; git add -A"},
    {"git init -q $PWD-m; git -C $PWD-m commit -q --allow-empty -m x; git -c "
     "protocol.file.allow=always submodule --quiet add $PWD-m lib; git config submodule.recurse "
     "true; git config submodule.lib.ignore all; git config submodule.active lib"},
    {"git init -q nest; echo > nest/x; git init -q b/nest; git -C b/nest commit -q --allow-empty "
     "-m "
     "x; echo > b/nest/y"},
    {"git config safe.directory /nosuch; git config safe.bareRepository explicit"},
    {"printf '\\xef\\xbb\\xbf[core]\\r\\n\\texcludesFile = \"%s/ru\"les ; x\\r\\n' $W > "
     "~/.gitconfig"},
    {"printf '[CORE]excludesFile=%s/ru\\\\\\nles' $W > ~/.gitconfig"},
    {"printf '[core]\\nexcludesFile=%s/rules\\n' $W > ~/.config/git/config; printf "
     "'[core]\\nexcludesFile=%s/other\\n' $W > ~/.gitconfig"},
    {"ln -s $W/inc ~/.gitconfig"},
};

void compare_all(const std::vector<SetUp>& all) {
  GitComparison comparison;
  for (const SetUp& one : all) comparison.compare(one);
}

}  // namespace

TEST_CASE("git configuration: files of rules are those that git reads", "[listing]") {
  compare_all(kExcludeFiles);
}

TEST_CASE("git configuration: includes count as git has them", "[listing]") {
  compare_all(kIncludes);
}

TEST_CASE("git configuration: includes for a remote's URL count as git has them", "[listing]") {
  compare_all(kRemoteConditions);
}

TEST_CASE("git configuration: a work tree's own counts as git has it", "[listing]") {
  compare_all(kWorkTrees);
}

TEST_CASE("git configuration: a repository is bare by the configuration of its own work tree too",
          "[listing]") {
  GitComparison comparison;
  const fs::path tree = comparison.make(
      "git clone -q --bare . bare.git; cd bare.git; git config extensions.worktreeConfig true; git "
      "config --unset core.bare; git config --file config.worktree core.bare true");
  CHECK(list_paths(tree / "bare.git") == Paths{"a.txt", "b/c.txt", "z/deep/f"});
}

TEST_CASE("git configuration: all other settings change the list as they change git's",
          "[listing]") {
  compare_all(kSettings);
}

TEST_CASE("git configuration: what the environment gives counts as git has it", "[listing]") {
  GitComparison comparison;
  const std::string rules = comparison.place() / "rules";
  const std::string inc = comparison.place() / "inc";
  SECTION("as `git -c` hands it on") {
    const ScopedVariable given("GIT_CONFIG_PARAMETERS", "'core.excludesfile'='" + rules + "'");
    comparison.compare({"true"});
    comparison.compare({"git config core.excludesFile $W/other"});
  }
  SECTION("an include") {
    const ScopedVariable count("GIT_CONFIG_COUNT", "1");
    const ScopedVariable key("GIT_CONFIG_KEY_0", "include.path");
    const ScopedVariable value("GIT_CONFIG_VALUE_0", inc);
    comparison.compare({"git config core.excludesFile $W/rules"});
  }
  SECTION("a path below a user's home") {
    const ScopedVariable count("GIT_CONFIG_COUNT", "1");
    const ScopedVariable key("GIT_CONFIG_KEY_0", "core.excludesFile");
    const ScopedVariable value("GIT_CONFIG_VALUE_0", std::string(::getenv("ME")) + "/rules");
    comparison.compare({"true"});
  }
  SECTION("a file of its own in the system's place, with a condition") {
    comparison.place().write("system", "[includeIf \"onbranch:main\"]\n\tpath = inc\n");
    const ScopedVariable system("GIT_CONFIG_SYSTEM", comparison.place() / "system");
    const ScopedVariable with_system("GIT_CONFIG_NOSYSTEM", "0");
    comparison.compare({"true"});
  }
  SECTION("GIT_CONFIG, GIT_DIR and GIT_INDEX_FILE are for git's own commands") {
    const auto tree = comparison.make("git config include.path $W/inc");
    const Paths expected = listed_by_git(tree);
    const ScopedVariable file("GIT_CONFIG", comparison.place() / "rules");
    const ScopedVariable folder("GIT_DIR", "/nosuch");
    const ScopedVariable index("GIT_INDEX_FILE", "/nosuch");
    CHECK(listed_here(tree) == expected);
  }
  SECTION("no home") {
    const ScopedVariable home("HOME", "");
    comparison.compare({"git config core.excludesFile '~/rules'"});
  }
}

TEST_CASE("git configuration: settings drawn at random give git's list together", "[listing]") {
  const std::uint64_t seed = forkdex::test::new_seed();
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  GitComparison comparison;
  std::vector<std::string> lines;
  for (const auto* table : {&kExcludeFiles, &kIncludes, &kRemoteConditions, &kSettings})
    for (const SetUp& one : *table)
      if (one.expected == Expected::kAsGit && one.folder == ".") lines.push_back(one.lines);
  for (int round = 0; round < 25; ++round) {
    std::string drawn;
    for (std::size_t i = 2 + dice() % 3; i > 0; --i)
      drawn += "(" + lines[dice() % lines.size()] + ") > /dev/null 2>&1 || true; ";
    CAPTURE(drawn);
    const fs::path tree = comparison.make(drawn, false);
    const Paths expected = listed_by_git(tree);
    if (expected != Paths{"refused"}) CHECK(listed_here(tree) == expected);
  }
}
