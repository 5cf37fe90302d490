// What a repository is known by, and which ones are refused.

#include <catch2/catch.hpp>
#include <string>

#include "supervisor/repository/listing.h"
#include "tests/unit/supervisor/repository/listing_fixture.h"

using namespace forkdex::test::listing;
using forkdex::RootCommit;

TEST_CASE(
    "listing: what libgit2 cannot read, nor git where it is there, is refused by name, never "
    "walked",
    "[listing]") {
  const ScratchFolder folder;
  SECTION("a sparse index") {
    make_repository(folder);
    folder.write("z/deep/file");
    folder.git({"add", "."});
    folder.git({"commit", "-qm", "second"});
    folder.git({"sparse-checkout", "set", "--cone", "--sparse-index", "b"});
    {
      const ScopedVariable without_git("PATH", "/nonexistent");
      CHECK_THAT(refusal(folder.path(), ErrorCode::kRepositoryUnusable),
                 Catch::Contains("sdir") && Catch::Contains("--no-sparse-index"));
    }
    folder.git({"sparse-checkout", "reapply", "--no-sparse-index"});
    CHECK(list_paths(folder.path()).size() == 4);
  }
  SECTION("a split index") {
    make_repository(folder);
    folder.git({"update-index", "--split-index"});
    {
      const ScopedVariable without_git("PATH", "/nonexistent");
      CHECK_THAT(refusal(folder.path(), ErrorCode::kRepositoryUnusable),
                 Catch::Contains("link") && Catch::Contains("--no-split-index"));
    }
    folder.git({"update-index", "--no-split-index"});
    CHECK(list_paths(folder.path()).size() == 3);
  }
  SECTION("SHA-256 objects") {
    folder.git({"init", "-q", "--object-format=sha256"});
    CHECK_THAT(refusal(folder.path(), ErrorCode::kRepositoryUnusable),
               Catch::Contains("objectformat") && Catch::Contains("SHA-256"));
  }
  SECTION("an extension nobody knows") {
    make_repository(folder);
    folder.git({"config", "core.repositoryformatversion", "1"});
    folder.git({"config", "extensions.marvel", "true"});
    CHECK_THAT(refusal(folder / "b", ErrorCode::kRepositoryUnusable), Catch::Contains("marvel"));
  }
  SECTION("a newer format") {
    make_repository(folder);
    folder.git({"config", "core.repositoryformatversion", "7"});
    CHECK_THAT(refusal(folder.path(), ErrorCode::kRepositoryUnusable), Catch::Contains("7"));
  }
  SECTION("a broken index") {
    make_repository(folder);
    folder.write(".git/index", "DIRCjunk");
    CHECK_THAT(refusal(folder.path(), ErrorCode::kRepositoryUnusable), Catch::Contains("index"));
  }
  SECTION("a broken configuration") {
    make_repository(folder);
    folder.write(".git/config", "[core\n");
    refusal(folder.path(), ErrorCode::kRepositoryUnusable);
  }
  SECTION("a .git file that leads nowhere") {
    folder.write("a");
    folder.write(".git", "gitdir: nowhere\n");
    CHECK_THAT(refusal(folder.path(), ErrorCode::kRepositoryUnusable), Catch::Contains(".git"));
  }
  SECTION("a bare repository, and git's own folder") {
    folder.git({"init", "-q", "--bare", "bare.git"});
    CHECK_THAT(refusal(folder / "bare.git/refs", ErrorCode::kRepositoryUnusable),
               Catch::Contains("git's own"));
    make_repository(folder);
    CHECK_THAT(refusal(folder / ".git", ErrorCode::kRepositoryUnusable),
               Catch::Contains("work tree"));
    CHECK_THAT(refusal(folder / ".git/objects", ErrorCode::kRepositoryUnusable),
               Catch::Contains("work tree"));
  }
}

TEST_CASE("listing: the root commit stands in where there is no remote", "[listing]") {
  const ScratchFolder folder;
  make_repository(folder);
  const std::string first = trimmed(folder.git({"rev-parse", "HEAD"}));
  folder.git({"commit", "-q", "--allow-empty", "-m", "second"});
  CHECK(root_of(inspect(folder.path())) == first);
  // What is known of an earlier head is built upon, and nothing else.
  const std::string second = trimmed(folder.git({"rev-parse", "HEAD"}));
  folder.git({"commit", "-q", "--allow-empty", "-m", "third"});
  const RepositoryInfo info = inspect(folder.path());
  const std::string marker = "0123456789012345678901234567890123456789";
  const auto built_upon = forkdex::find_root_commit(info, RootCommit{marker, second});
  CHECK(built_upon->commit == marker);
  CHECK(built_upon->head == info.head);
  CHECK(forkdex::find_root_commit(info, RootCommit{marker, marker})->commit == first);
  folder.git({"remote", "add", "origin", "https://me:token@example.org/x.git"});
  CHECK(inspect(folder.path()).remote == "https://example.org/x.git");
  CHECK_FALSE(root_of(inspect(folder.path())));
}

TEST_CASE("listing: a history that is cut off has no root commit", "[listing]") {
  const ScratchFolder origin;
  const ScratchFolder folder;
  make_repository(origin);
  origin.git({"commit", "-q", "--allow-empty", "-m", "second"});
  folder.git({"clone", "-q", "--depth=1", "file://" + origin.path().string(), "clone"});
  folder.git({"-C", folder / "clone", "remote", "remove", "origin"});
  CHECK_FALSE(root_of(inspect(folder / "clone")));
}
