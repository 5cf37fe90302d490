// Forms of the index, and formats of the repository, that git knows and libgit2 does not.

#include <iterator>
#include <map>

#include "tests/support/skip.h"
#include "tests/unit/supervisor/repository/git/git_comparison.h"

using namespace forkdex::test::listing;
using forkdex::test::execute;
using forkdex::test::skip;

namespace {

/// Lines that leave out the index's checksum, as a git with index.skipHash does.
const std::string kSkipHash =
    "truncate -s -20 .git/index; head -c 20 /dev/zero >> .git/index; git ls-files > /dev/null";

const std::vector<SetUp> kIndexes = {
    {"git config index.skipHash true; git add -A; " + kSkipHash},
    {"git config feature.manyFiles true; git add -A; " + kSkipHash},
    {"git update-index --index-version 2; " + kSkipHash},
    {"git update-index --index-version 4; " + kSkipHash},
    {"echo > n; git add -N n; git update-index --index-version 3; " + kSkipHash},
    {"git config index.version 4; git update-index --index-version 4"},
    {"git update-index --split-index"},
    {"git config core.splitIndex true; git add a.secret"},
    {"git update-index --split-index; git add a.secret; git rm -q --cached a.txt; echo 2 > "
     "b/c.txt; "
     "git add b/c.txt; git add -N a.inc; git update-index --skip-worktree z/deep/f; rm z/deep/f"},
    {"git update-index --split-index; git add a.secret; git update-index --split-index; git add "
     "a.inc"},
    {"git update-index --split-index; git add a.secret; " + kSkipHash},
    {"git update-index --index-version 4; git update-index --split-index; git add $'a.inc'"},
    {"git config core.sharedIndexExpire never; git config splitIndex.maxPercentChange 0; git "
     "update-index --split-index; git add a.inc"},
    {"git worktree add -q $W/split -b split; cd $W/split; touch new; git update-index "
     "--split-index; "
     "git add new",
     Expected::kAsGit, "../split"},
    {"git sparse-checkout set --no-cone '/*' '!/z/*'"},
    {"git sparse-checkout set b"},
    {"git sparse-checkout set --sparse-index b"},
    {"git sparse-checkout set --sparse-index b", Expected::kAsGit, "b"},
    {"git sparse-checkout set --sparse-index b; mkdir -p z/deep; echo > z/new", Expected::kAsGit,
     "z"},
    {"git update-index --index-version 4; git config index.sparse true; git sparse-checkout set "
     "--cone b"},
    {"git sparse-checkout set --sparse-index b; git config core.sparseCheckout false"},
    {"git sparse-checkout set --sparse-index b; git config sparse.expectFilesOutsideOfPatterns "
     "true; "
     "mkdir -p z/deep; echo > z/deep/f"},
    {"git sparse-checkout set --sparse-index b; " + kSkipHash},
    {"git update-index --skip-worktree a.txt; rm a.txt; git update-index --assume-unchanged "
     "b/c.txt"},
    {"printf 'DIRC\\0\\0\\0\\2\\0\\0\\0\\1' > .git/index", Expected::kRefused},
    {"printf x >> .git/index", Expected::kRefused},
};

std::string v1(const std::string& extension) {
  return "git config core.repositoryformatversion 1; git config extensions." + extension;
}

std::string v0(const std::string& extension) { return "git config extensions." + extension; }

const std::vector<SetUp> kFormats = {
    {v1("noop true")},
    {v1("noop-v1 true")},
    {v1("preciousObjects true")},
    {v1("partialClone origin")},
    {v1("worktreeConfig true")},
    {v1("objectFormat sha1")},
    {v1("relativeWorktrees true"), Expected::kPlain},  // the installed git may not know these
    {v1("compatObjectFormat sha256"), Expected::kPlain},
    {v1("submodulePathConfig true"), Expected::kPlain},
    {v1("refStorage files"), Expected::kPlain},
    {v0("noop true")},
    {v0("preciousObjects true")},
    {v0("partialClone origin")},
    {v0("worktreeConfig true")},
    {v0("relativeWorktrees true"), Expected::kPlain},
    {v0("compatObjectFormat sha256"), Expected::kPlain},
    {v0("refStorage files"), Expected::kPlain},
    {v0("marvel true")},
    {"git config --unset core.repositoryformatversion"},
    {v1("noop-v1 true") + "; git config include.path $W/inc"},
    {v0("noop-v1 true"), Expected::kRefused},
    {v0("objectFormat sha256"), Expected::kRefused},
    {v1("objectFormat sha256"), Expected::kRefused},
    {v1("objectFormat md5"), Expected::kRefused},
    {v1("refStorage papyrus"), Expected::kRefused},
    {v1("marvel true"), Expected::kRefused},
    {"git config core.repositoryformatversion 2", Expected::kRefused},
};

/// Size and times of every file below `folder`.
std::map<std::string, std::string> fingerprint(const fs::path& folder) {
  std::map<std::string, std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    struct stat about{};
    REQUIRE(::lstat(entry.path().c_str(), &about) == 0);
    const auto text = [](const timespec& time) {
      return std::to_string(time.tv_sec) + "." + std::to_string(time.tv_nsec);
    };
    found[entry.path()] =
        std::to_string(about.st_size) + " " + text(about.st_mtim) + " " + text(about.st_ctim);
  }
  return found;
}

std::string refusal_of(const fs::path& folder) { return listed_here(folder).front(); }

int temporary_folders() {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(fs::temp_directory_path()))
    count += entry.path().filename().native().starts_with("forkdex-index-") ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("git format: an index of any form gives git's list", "[listing]") {
  GitComparison comparison;
  for (const SetUp& one : kIndexes) comparison.compare(one);
  CHECK(temporary_folders() == 0);
}

TEST_CASE("git format: extensions that change nothing here are read, all others refused",
          "[listing]") {
  GitComparison comparison;
  for (const SetUp& one : kFormats) comparison.compare(one);
}

TEST_CASE(
    "git format: whatever form the index has, ids, times and flags are those of the plain one",
    "[listing]") {
  GitComparison comparison;
  const std::string base =
      "touch -d @1600000000.123456789 a.txt b/c.txt; git add a.secret; git add -N a.inc; git "
      "update-index -q --refresh || true; git update-index --skip-worktree z/deep/f; rm z/deep/f; ";
  const auto facts_of = [&](const std::string& lines) {
    CAPTURE(lines);
    std::vector<std::string> facts;
    for (const ListedFile& file : list(inspect(comparison.make(base + lines))))
      facts.push_back(file.path + " " + file.blob_oid.value_or("none") + " " +
                      std::to_string(static_cast<int>(file.kind)) +
                      (file.blob_is_current ? " current" : ""));
    return facts;
  };
  const auto plain = facts_of("true");
  CHECK(std::count_if(plain.begin(), plain.end(),
                      [](const auto& fact) { return fact.ends_with(" current"); }) >= 2);
  CHECK(facts_of(kSkipHash) == plain);
  CHECK(
      facts_of("git update-index --split-index; sleep 0.01; git add -N a.home; git rm -q --cached "
               "a.home") == plain);
}

TEST_CASE("git format: nothing is written where git lists, and nothing configured is run",
          "[listing]") {
  GitComparison comparison;
  const std::string hostile =
      "printf '#!/bin/sh\\ntouch %s/RAN\\n' $W > $W/run; chmod +x $W/run; for h in "
      "post-index-change "
      "reference-transaction fsmonitor-watchman; do cp $W/run .git/hooks/$h; done; git config "
      "core.fsmonitor $W/run; git config core.pager $W/run; git config pager.config $W/run; git "
      "config pager.ls-files $W/run; git config alias.config \"!$W/run\"; git config "
      "alias.ls-files "
      "\"!$W/run\"; git config filter.x.clean $W/run; git config filter.x.process $W/run; echo '* "
      "filter=x' > .gitattributes; git config diff.external $W/run; git config core.sshCommand "
      "$W/run; git config include.path $W/inc; rm -f $W/RAN";
  for (const std::string lines : {"git update-index --split-index; git add a.secret; touch -d "
                                  "@1700000000 .git/sharedindex.*; ",
                                  "git sparse-checkout set --sparse-index b; "}) {
    CAPTURE(lines);
    const fs::path tree = comparison.make(lines + hostile);
    const auto before = fingerprint(tree);
    const Paths paths = listed_here(tree);
    CHECK(std::find(paths.begin(), paths.end(), "a.txt") != paths.end());
    CHECK(std::find(paths.begin(), paths.end(), "a.inc") == paths.end());
    CHECK(fingerprint(tree) == before);
    CHECK_FALSE(fs::exists(comparison.place() / "RAN"));
  }
}

TEST_CASE("git format: trees that a partial clone lacks are not fetched", "[listing]") {
  GitComparison comparison;
  const fs::path tree = comparison.make(
      "printf '#!/bin/sh\ntouch %s/RAN\n' $W > $W/run; chmod +x $W/run; git sparse-checkout set "
      "--sparse-index b; o=$(git rev-parse HEAD:z); rm -f .git/objects/${o:0:2}/${o:2}; git config "
      "core.repositoryformatversion 1; git config extensions.partialClone origin; git config "
      "remote.origin.promisor true; git config remote.origin.url ssh://nowhere/x; git config "
      "remote.origin.uploadpack $W/run; git config core.sshCommand $W/run");
  const auto before = fingerprint(tree);
  CHECK_THAT(refusal_of(tree),
             Catch::StartsWith("refused: ") && Catch::Contains("--no-sparse-index"));
  CHECK_FALSE(fs::exists(comparison.place() / "RAN"));
  CHECK(fingerprint(tree) == before);
}

TEST_CASE("git format: without git, what only git reads is refused by name", "[listing]") {
  GitComparison comparison;
  const auto without_git = [&](const std::string& lines) {
    CAPTURE(lines);
    const fs::path tree = comparison.make(lines);
    const ScopedVariable path("PATH", "/nonexistent");
    return listed_here(tree);
  };
  const auto refused_for = [&](const std::string& lines, const std::string& words) {
    const Paths said = without_git(lines);
    CHECK_THAT(said.front(), Catch::StartsWith("refused: ") && Catch::Contains(words) &&
                                 Catch::Contains("no git on the PATH; install it"));
  };
  refused_for("git config core.excludesFile \"$ME/rules\"", "core.excludesfile=~");
  refused_for("git config 'includeIf.hasconfig:remote.*.url:x.path' $W/inc", "hasconfig");
  refused_for("git checkout -q --detach; git config 'includeIf.onbranch:**.path' $W/inc",
              "onbranch");
  refused_for("git update-index --split-index", "--no-split-index");
  refused_for("git sparse-checkout set --sparse-index b", "--no-sparse-index");
  Paths without_inc = comparison.plain();
  std::erase(without_inc, "a.inc");
  CHECK(without_git("git config include.path $W/inc") == without_inc);
  CHECK(without_git("git config \"includeIf.gitdir:$PWD/.path\" $W/inc") == without_inc);
  CHECK(without_git("git add a.txt; " + kSkipHash) == comparison.plain());
}

TEST_CASE("git format: the system's configuration is that of the git on the PATH", "[listing]") {
  GitComparison comparison;
  const fs::path tree = comparison.make("true");
  comparison.place().write("bin/git",
                           "#!/bin/sh\nGIT_CONFIG_SYSTEM=" + (comparison.place() / "inc").string() +
                               " exec /usr/bin/git \"$@\"\n");
  fs::permissions(comparison.place() / "bin/git", fs::perms::owner_all);
  const ScopedVariable path("PATH", (comparison.place() / "bin").string() + ":" + ::getenv("PATH"));
  ::unsetenv("GIT_CONFIG_NOSYSTEM");
  const Paths here = listed_here(tree);
  CHECK(here == listed_by_git(tree));
  CHECK(std::find(here.begin(), here.end(), "a.inc") == here.end());
}

TEST_CASE("git format: references in a reftable are read by a git that can, else refused",
          "[listing]") {
  GitComparison comparison;
  const fs::path tree = comparison.make(
      "git init -q --ref-format=reftable t 2> /dev/null && cd t && touch a && git add a && git "
      "commit "
      "-qm m && git tag t1 || true");
  if (!fs::exists(tree / "t/.git/reftable")) {
    const fs::path made = comparison.make(v1("refStorage reftable"));
    CHECK_THAT(refusal_of(made), Catch::Contains("reftable") && Catch::Contains("git 2.45") &&
                                     Catch::Contains("git clone --ref-format=files"));
    return skip("the installed git has no reftable");
  }
  const std::string head = trimmed(execute({"git", "-C", tree / "t", "rev-parse", "HEAD"}).output);
  CHECK(inspect(tree / "t").head == head);
  CHECK(root_of(inspect(tree / "t")) == head);
  CHECK(list_paths(tree / "t") == Paths{"a"});
  const auto tagged = forkdex::inspect_repository(tree / "t", "t1");
  REQUIRE(tagged.ok());
  CHECK(tagged->head == head);
  CHECK(paths_of(list(*tagged)) == Paths{"a"});
  CHECK_FALSE(forkdex::inspect_repository(tree / "t", "nosuch").ok());
}

TEST_CASE("git format: the remedies that refusals name work", "[listing]") {
  GitComparison comparison;
  const auto refused_then = [&](const std::string& lines, const std::string& words,
                                const std::string& remedy) {
    CAPTURE(lines);
    const fs::path tree = comparison.make(lines);
    {
      const ScopedVariable path("PATH", "/nonexistent");
      CHECK_THAT(refusal_of(tree), Catch::Contains(words));
    }
    REQUIRE(execute({"bash", "-ec", "cd \"$1\"; " + remedy, "bash", tree}).status == 0);
    CHECK(listed_here(tree).front().find("refused") == std::string::npos);
  };
  refused_then("git update-index --split-index", "`git update-index --no-split-index`",
               "git update-index --no-split-index");
  refused_then("git sparse-checkout set --sparse-index b",
               "`git sparse-checkout reapply --no-sparse-index`",
               "git sparse-checkout reapply --no-sparse-index");
  refused_then(v0("noop-v1 true"), "`git config core.repositoryformatversion 1`",
               "git config --file .git/config core.repositoryformatversion 1");
  refused_then("rm -rf .git; git init -q --object-format=sha256; git add a.txt",
               "index a copy of its files without .git", "rm -rf .git");
  refused_then(v1("marvel true"), "index a copy of its files without .git", "rm -rf .git");
}
