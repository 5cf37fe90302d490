// Listings of plain folders.

#include "supervisor/repository/listing.h"

#include <catch2/catch.hpp>

#include "tests/unit/supervisor/repository/listing_fixture.h"

using namespace forkdex::test::listing;

TEST_CASE("listing: a plain folder is walked under the ignore files at or below it", "[listing]") {
  const ScratchFolder above;
  above.write(".gitignore", "*\n");
  above.write("root/.gitignore", "*.o\nbuild/\n");
  above.write("root/.ignore", "*.c\n");
  for (const char* name : {"a.c", "a.o", "build/x", "d/a.o", "d-e", "d.c", "d/build", "keep/z.o"})
    above.write(std::string("root/") + name);
  above.write("root/keep/.gitignore", "!z.o\n");
  CHECK_FALSE(inspect(above / "root").in_git);
  CHECK(list_paths(above / "root") == Paths{".gitignore", ".ignore", "a.c", "d-e", "d.c", "d/build",
                                            "keep/.gitignore", "keep/z.o"});
}

TEST_CASE("listing: an empty folder holds nothing", "[listing]") {
  const ScratchFolder folder;
  CHECK(list_paths(folder.path()).empty());
}

TEST_CASE("listing: a PATH that is none is refused in one sentence", "[listing]") {
  const ScratchFolder folder;
  folder.write("file");
  fs::create_symlink("loop", folder / "loop");
  CHECK_THAT(refusal(folder / "none", ErrorCode::kPathUnusable),
             Catch::Contains("none does not exist"));
  CHECK_THAT(refusal(folder / "file", ErrorCode::kPathUnusable),
             Catch::Contains("file is not a folder"));
  CHECK_THAT(refusal(folder / "file/x", ErrorCode::kPathUnusable), Catch::Contains("not a folder"));
  CHECK_THAT(refusal(folder / "loop", ErrorCode::kPathUnusable), Catch::Contains("loop"));
  CHECK_THAT(refusal("", ErrorCode::kPathUnusable), Catch::Contains("empty"));
  CHECK_THAT(refusal(folder / std::string(300, 'x'), ErrorCode::kPathUnusable),
             Catch::Contains("too long"));
}

TEST_CASE("listing: a folder that may not be read is an entry, the rest is listed", "[listing]") {
  const ScratchFolder folder;
  const bool in_git = GENERATE(false, true);
  for (const char* name : {"a", "shut/b", "shut.txt", "shut/deep/c", "shut0"}) folder.write(name);
  if (in_git) {
    folder.git({"init", "-q"});
    folder.git({"add", "shut/b", "a"});
  }
  const OrdinaryUser user(folder.path());
  SECTION("neither read nor entered") {
    const Forbidden forbidden(folder / "shut", fs::perms::none);
    const auto files = list(inspect(folder.path()));
    CHECK(paths_of(files) == (in_git ? Paths{"a", "shut.txt", "shut/", "shut/b", "shut0"}
                                     : Paths{"a", "shut.txt", "shut/", "shut0"}));
    CHECK(find(files, "shut/").kind == Kind::kUnreadable);
    CHECK_THAT(find(files, "shut/").note, Catch::Contains("ermission denied"));
    if (in_git) CHECK(find(files, "shut/b").kind == Kind::kUnreadable);
  }
  SECTION("read but not entered") {
    const Forbidden forbidden(folder / "shut", fs::perms::owner_read);
    const auto files = list(inspect(folder.path()));
    CHECK(paths_of(files) == Paths{"a", "shut.txt", "shut/b", "shut/deep/", "shut0"});
    for (const char* path : {"shut/b", "shut/deep/"}) {
      CHECK(find(files, path).kind == Kind::kUnreadable);
      CHECK_THAT(find(files, path).note, Catch::Contains("ermission denied"));
    }
  }
  SECTION("the root itself") {
    const Forbidden forbidden(folder / "shut", fs::perms::owner_read);
    CHECK_THAT(refusal(folder / "shut", ErrorCode::kPathUnusable), Catch::Contains("may not"));
    CHECK_THAT(refusal(folder / "shut/deep", ErrorCode::kPathUnusable), Catch::Contains("may not"));
  }
}

TEST_CASE("listing: a .git folder that may not be read is refused, not passed over", "[listing]") {
  const ScratchFolder folder;
  make_repository(folder);
  const OrdinaryUser user(folder.path());
  const Forbidden forbidden(folder / ".git", fs::perms::none);
  CHECK_THAT(refusal(folder / "b", ErrorCode::kRepositoryUnusable),
             Catch::Contains("may not be read"));
}

TEST_CASE("listing: a tree deeper than there are descriptors, up to the longest path",
          "[listing]") {
  const ScratchFolder folder;
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  // Made and removed step by step: its full path is longer than a system call takes.
  constexpr int kDepth = 2100;
  forkdex::UniqueFd at(::open(folder.path().c_str(), O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < kDepth; ++i) {
    for (const char* name : {"a", "z"})
      forkdex::UniqueFd(::openat(at.get(), name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    REQUIRE(::mkdirat(at.get(), "d", 0700) == 0);
    at.reset(::openat(at.get(), "d", O_DIRECTORY | O_CLOEXEC));
    REQUIRE(at.valid());
  }
  const RepositoryInfo info = inspect(folder.path());
  const rlimit few{64, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  const auto files = list(info);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  std::size_t regular = 0;
  std::size_t unreadable = 0;
  for (const ListedFile& file : files) {
    if (file.kind == Kind::kRegular) ++regular;
    if (file.kind == Kind::kUnreadable) ++unreadable;
    CHECK(file.path.size() <= forkdex::kMaxPathBytes + 2);
  }
  // 2,047 levels of "d/" leave room for a name of one byte.
  CHECK(regular == 2 * (forkdex::kMaxPathBytes / 2 + 1));
  CHECK(unreadable == 1);
  CHECK(files.size() == regular + unreadable);
}

TEST_CASE("listing: a folder moved while it is listed neither leads out nor loses others",
          "[listing]") {
  constexpr int kDepth = 45;  // deeper than the walk keeps descriptors of
  constexpr int kMovedInner = 9;
  constexpr int kMovedOuter = 5;
  const ScratchFolder scratch;
  const bool both = GENERATE(false, true);
  const auto folder_at = [&](int depth) {
    fs::path path = scratch / "root";
    for (int i = 0; i < depth; ++i) path /= "d";
    return path;
  };
  fs::create_directories(folder_at(kDepth));
  scratch.write("z");
  for (int i = 0; i <= kDepth; ++i)
    for (const char* name : {"a", "z"}) std::ofstream(folder_at(i) / name) << "x";

  const RepositoryInfo info = inspect(scratch / "root");
  std::vector<ListedFile> files;
  const auto listed = forkdex::list_files(info, [&](ListedFile&& file) {
    files.push_back(std::move(file));
    if (files.size() != kDepth) return;
    fs::rename(folder_at(kMovedInner), scratch / "inner");
    if (both) fs::rename(folder_at(kMovedOuter), scratch / "outer");
  });
  REQUIRE(listed.ok());
  CHECK(files.size() == 2 * (kDepth + 1));
  for (const ListedFile& file : files) {
    const auto depth = std::count(file.path.begin(), file.path.end(), '/');
    const bool lost =
        both && file.path.ends_with('z') && depth >= kMovedOuter && depth < kMovedInner;
    CAPTURE(file.path);
    CHECK(file.kind == (lost ? Kind::kUnreadable : Kind::kRegular));
    if (lost) CHECK_THAT(file.note, Catch::Contains("moved"));
  }
}

TEST_CASE("listing: many files in one folder", "[listing]") {
  const ScratchFolder folder;
  for (int i = 0; i < 20000; ++i)
    forkdex::UniqueFd(::open((folder / std::to_string(i)).c_str(), O_CREAT | O_CLOEXEC, 0600));
  CHECK(list_paths(folder.path()).size() == 20000);
}
