// Listings of real repositories, made by the git program.

#include "supervisor/repository/listing.h"

#include <catch2/catch.hpp>

#include "supervisor/repository/git/remote_url.h"
#include "tests/support/skip.h"
#include "tests/unit/supervisor/repository/listing_fixture.h"

#ifdef __SANITIZE_ADDRESS__
// libgit2 1.5 leaks PCRE2's match data for each configuration key that is no extension when it
// opens a repository of format version 1.
extern "C" const char* __lsan_default_suppressions() { return "leak:libpcre2-8"; }
#endif

using namespace forkdex::test::listing;

TEST_CASE("listing: tracked and untracked files of a repository, ignored ones left out",
          "[listing]") {
  const ScratchFolder folder;
  make_repository(folder);
  folder.write("new.txt");
  folder.write("b/x.o");
  folder.write("out/deep/y");
  folder.write("forced.o");
  folder.git({"add", "-f", "forced.o"});
  fs::remove(folder / "a.txt");

  const RepositoryInfo info = inspect(folder.path());
  CHECK(info.in_git);
  CHECK(info.root == folder.path());
  CHECK(info.default_name == folder.path().filename());
  CHECK(info.head == trimmed(folder.git({"rev-parse", "HEAD"})));
  CHECK(root_of(info) == info.head);
  const auto files = list(info);
  CHECK(paths_of(files) == Paths{".gitignore", "b/c.txt", "forced.o", "new.txt"});
  CHECK(find(files, "b/c.txt").blob_oid == trimmed(folder.git({"rev-parse", "HEAD:b/c.txt"})));
  CHECK_FALSE(find(files, "new.txt").blob_oid);
}

TEST_CASE("listing: gives what lstat says, and whether git's blob is what is on disk",
          "[listing]") {
  const ScratchFolder folder;
  make_repository(folder);
  // Older than the index, as every file is that was not written in the tick of the last git add.
  const timespec times[2] = {{1'600'000'000, 123'456'789}, {1'600'000'000, 123'456'789}};
  REQUIRE(::utimensat(AT_FDCWD, (folder / "a.txt").c_str(), times, 0) == 0);
  folder.git({"update-index", "--refresh"});
  folder.write("b/c.txt", "changed, longer\n");
  const auto files = list(inspect(folder.path()));
  const ListedFile file = find(files, "a.txt");
  struct stat about{};
  REQUIRE(::lstat((folder / "a.txt").c_str(), &about) == 0);
  CHECK(file.kind == Kind::kRegular);
  CHECK(file.size == 2);
  CHECK(file.mtime_ns == 1'600'000'000'123'456'789);
  CHECK(file.ctime_ns == about.st_ctim.tv_sec * 1'000'000'000 + about.st_ctim.tv_nsec);
  CHECK(file.inode == about.st_ino);
  CHECK(file.blob_is_current);
  CHECK_FALSE(find(files, "b/c.txt").blob_is_current);
}

TEST_CASE("listing: a file written in the index's own tick is not taken for current", "[listing]") {
  const ScratchFolder folder;
  make_repository(folder);
  struct stat about{};
  REQUIRE(::lstat((folder / "a.txt").c_str(), &about) == 0);
  const timespec times[2] = {about.st_mtim, about.st_mtim};
  REQUIRE(::utimensat(AT_FDCWD, (folder / ".git/index").c_str(), times, 0) == 0);
  CHECK_FALSE(find(list(inspect(folder.path())), "a.txt").blob_is_current);
}

TEST_CASE("listing: a folder inside a work tree is the root, under the rules above it",
          "[listing]") {
  const ScratchFolder folder;
  make_repository(folder);
  folder.write("b/x.o");
  folder.write("b/d/.gitignore", "*.tmp\n!x.o\n");
  folder.write("b/d/x.o");
  folder.write("b/d/y.tmp");
  folder.write("b0");
  const RepositoryInfo info = inspect(folder / "b");
  CHECK(info.in_git);
  CHECK(info.default_name == "b");
  const auto files = list(info);
  CHECK(paths_of(files) == Paths{"c.txt", "d/.gitignore", "d/x.o"});
  CHECK(find(files, "c.txt").blob_oid);
}

TEST_CASE("listing: an ignored folder given as PATH is walked as a plain one", "[listing]") {
  const ScratchFolder folder;
  make_repository(folder);
  folder.write("out/deep/x.o");
  folder.write("out/deep/y.tmp");
  folder.write("out/.gitignore", "*.tmp\n");
  for (const char* path : {"out", "out/deep"}) CHECK_FALSE(inspect(folder / path).in_git);
  CHECK(list_paths(folder / "out") == Paths{".gitignore", "deep/x.o"});
  CHECK(list_paths(folder / "out/deep") == Paths{"x.o", "y.tmp"});
  CHECK_FALSE(inspect(folder / "out").head);
}

TEST_CASE("listing: info/exclude and core.excludesFile count, the user's default one too",
          "[listing]") {
  const ScratchFolder folder;
  const ScratchFolder home;
  const ScopedVariable config_home("XDG_CONFIG_HOME", home.path().string());
  make_repository(folder);
  home.write("real", "*.personal\n");
  fs::create_directory(home / "git");
  fs::create_symlink(home / "real", home / "git/ignore");
  folder.write(".git/info/exclude", "*.local\n");
  for (const char* name : {"a.personal", "a.local", "a.configured"}) folder.write(name);
  CHECK(list_paths(folder.path()) == Paths{".gitignore", "a.configured", "a.txt", "b/c.txt"});
  home.write("other", "*.configured\n");
  folder.git({"config", "core.excludesFile", home / "other"});
  CHECK(list_paths(folder.path()) == Paths{".gitignore", "a.personal", "a.txt", "b/c.txt"});
}

TEST_CASE("listing: a home that may not be entered is passed over", "[listing]") {
  const ScratchFolder folder;
  const ScratchFolder home;
  make_repository(folder);
  home.write("user/.gitconfig", "[core]\n\texcludesFile = ~/rules\n");
  home.write("user/rules", "*.txt\n");
  const ScopedVariable variable("HOME", home / "user");
  CHECK(list_paths(folder.path()) == Paths{".gitignore", "a.txt", "b/c.txt"});
  folder.write("new.txt");
  CHECK(list_paths(folder.path()) == Paths{".gitignore", "a.txt", "b/c.txt"});
  const Forbidden forbidden(home / "user", fs::perms::none);
  const OrdinaryUser user(folder.path());
  CHECK(list_paths(folder.path()) == Paths{".gitignore", "a.txt", "b/c.txt", "new.txt"});
}

TEST_CASE("listing: byte order whatever core.ignorecase says", "[listing]") {
  const ScratchFolder folder;
  make_repository(folder);
  for (const char* name : {"B.txt", "a-b", "a/x", "a.b", "Z/y"}) {
    folder.write(name);
    folder.git({"add", name});
  }
  folder.write("SKIP.O");
  folder.git({"config", "core.ignorecase", "true"});
  CHECK(list_paths(folder.path()) ==
        Paths{".gitignore", "B.txt", "Z/y", "a-b", "a.b", "a.txt", "a/x", "b/c.txt"});
}

TEST_CASE("listing: no symbolic link is followed, whatever it points at", "[listing]") {
  const ScratchFolder outside;
  const ScratchFolder folder;
  make_repository(folder);
  outside.write("c.txt", "secret");
  fs::create_symlink(outside.path(), folder / "away");
  fs::create_symlink("loop", folder / "loop");
  fs::create_symlink(".", folder / "self");
  fs::remove_all(folder / "b");  // tracked as b/c.txt
  fs::create_symlink(outside.path(), folder / "b");
  const auto files = list(inspect(folder.path()));
  CHECK(paths_of(files) == Paths{".gitignore", "a.txt", "away", "b", "loop", "self"});
  for (const char* link : {"away", "b", "loop", "self"})
    CHECK(find(files, link).kind == Kind::kNotRegular);
}

TEST_CASE("listing: an ignore file that is a link or a FIFO holds no rules", "[listing]") {
  const ScratchFolder folder;
  folder.write("real", "*.o\n");
  folder.write("a/x.o");
  folder.write("b/x.o");
  fs::create_symlink("../real", folder / "a/.gitignore");
  REQUIRE(::mkfifo((folder / "b/.gitignore").c_str(), 0600) == 0);
  CHECK(list_paths(folder.path()) ==
        Paths{"a/.gitignore", "a/x.o", "b/.gitignore", "b/x.o", "real"});
}

TEST_CASE("listing: FIFOs and sockets are not regular", "[listing]") {
  const ScratchFolder folder;
  if (GENERATE(false, true)) make_repository(folder);
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  const forkdex::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (folder / "sock").string().copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  const auto files = list(inspect(folder.path()));
  CHECK(find(files, "fifo").kind == Kind::kNotRegular);
  CHECK(find(files, "sock").kind == Kind::kNotRegular);
}

TEST_CASE("listing: names of every kind come back as they are", "[listing]") {
  const ScratchFolder folder;
  const bool in_git = GENERATE(false, true);
  if (in_git) folder.git({"init", "-q"});
  Paths names = {"new\nline", "quote\"'", "back\\slash", "caf\xe9", "日本語.ts",
                 "\x01\x7f",  " lead",    "-rf",         "*",       std::string(255, 'n')};
  for (const std::string& name : names) folder.write(name);
  if (in_git) folder.git({"add", "."});
  std::sort(names.begin(), names.end());
  CHECK(list_paths(folder.path()) == names);
}

TEST_CASE("listing: before the first commit there is no head, the index counts", "[listing]") {
  const ScratchFolder folder;
  folder.git({"init", "-q"});
  CHECK(list_paths(folder.path()).empty());  // no index yet
  folder.write("a");
  folder.git({"add", "a"});
  const RepositoryInfo info = inspect(folder.path());
  CHECK(info.in_git);
  CHECK_FALSE(info.head);
  CHECK_FALSE(root_of(info));
  CHECK(find(list(info), "a").blob_oid);
}

TEST_CASE("listing: a path in conflict is listed once, without a blob", "[listing]") {
  const ScratchFolder folder;
  make_repository(folder);
  for (const char* side : {"left", "right"}) {
    folder.git({"checkout", "-q", "-b", side, "main"});
    folder.write("a.txt", side);
    folder.git({"commit", "-qam", side});
  }
  CHECK(folder.try_git({"merge", "-q", "left"}).status != 0);
  const auto files = list(inspect(folder.path()));
  CHECK(paths_of(files) == Paths{".gitignore", "a.txt", "b/c.txt"});
  CHECK_FALSE(find(files, "a.txt").blob_oid);
}

TEST_CASE("listing: a submodule is one entry, and its work tree a root of its own", "[listing]") {
  const ScratchFolder library;
  const ScratchFolder folder;
  make_repository(library);
  make_repository(folder);
  folder.git({"submodule", "--quiet", "add", library.path(), "lib"});
  folder.write("lib-x");
  auto files = list(inspect(folder.path()));
  CHECK(paths_of(files) == Paths{".gitignore", ".gitmodules", "a.txt", "b/c.txt", "lib", "lib-x"});
  CHECK(find(files, "lib").kind == Kind::kSubmodule);
  CHECK(find(files, "lib").blob_oid == trimmed(library.git({"rev-parse", "HEAD"})));
  const RepositoryInfo inside = inspect(folder / "lib");
  CHECK(inside.in_git);
  CHECK(inside.head == trimmed(library.git({"rev-parse", "HEAD"})));
  CHECK(list_paths(folder / "lib") == Paths{".gitignore", "a.txt", "b/c.txt"});
}

TEST_CASE("listing: an untracked repository is one entry in git, files outside git", "[listing]") {
  const ScratchFolder folder;
  const bool in_git = GENERATE(true, false);
  if (in_git) make_repository(folder);
  fs::create_directory(folder / "nested");
  folder.git({"init", "-q", "nested"});
  folder.write("nested/file");
  folder.write("nested.txt");
  folder.write("not-one/.git/config");
  folder.write("not-one/file");
  const auto files = list(inspect(folder.path()));
  if (in_git) {
    CHECK(paths_of(files) ==
          Paths{".gitignore", "a.txt", "b/c.txt", "nested", "nested.txt", "not-one/file"});
    CHECK(find(files, "nested").kind == Kind::kSubmodule);
  } else {
    CHECK(paths_of(files) == Paths{"nested.txt", "nested/file", "not-one/file"});
  }
}

TEST_CASE("listing: a linked work tree is a root", "[listing]") {
  const ScratchFolder folder;
  const ScratchFolder other;
  make_repository(folder);
  folder.git({"worktree", "add", "-q", "-b", "side", other / "tree"});
  folder.write(".git/info/exclude", "*.shared\n");
  other.write("tree/new");
  other.write("tree/a.shared");
  CHECK(inspect(other / "tree").head == trimmed(folder.git({"rev-parse", "side"})));
  CHECK(list_paths(other / "tree") == Paths{".gitignore", "a.txt", "b/c.txt", "new"});
}

TEST_CASE("listing: a link to a folder is that folder", "[listing]") {
  const ScratchFolder folder;
  const ScratchFolder links;
  make_repository(folder);
  fs::create_symlink(folder / "b", links / "link");
  CHECK(inspect(links / "link").root == folder / "b");
  CHECK(list_paths(links / "link") == Paths{"c.txt"});
}

TEST_CASE("listing: files that a sparse checkout left out are listed as sparse", "[listing]") {
  const ScratchFolder folder;
  make_repository(folder);
  folder.write("z/deep/file");
  folder.write("z/.gitignore", "*.z\n");
  folder.git({"add", "."});
  folder.git({"commit", "-qm", "second"});
  folder.git({"sparse-checkout", "set", "--no-cone", "/*", "!/z/*", "!/a.txt"});
  REQUIRE_FALSE(fs::exists(folder / "z/deep/file"));
  folder.write("z/made.z");  // under the rules of an ignore file that is in the index only
  folder.write("z/made");
  const auto files = list(inspect(folder.path()));
  CHECK(paths_of(files) ==
        Paths{".gitignore", "a.txt", "b/c.txt", "z/.gitignore", "z/deep/file", "z/made"});
  for (const char* path : {"a.txt", "z/.gitignore", "z/deep/file"})
    CHECK(find(files, path).kind == Kind::kSparse);
  CHECK(find(files, "a.txt").blob_oid);
}

TEST_CASE("listing: a file that stands there is none that was left out, whatever its flag says",
          "[listing]") {
  const ScratchFolder folder;
  make_repository(folder);
  folder.git({"update-index", "--skip-worktree", "a.txt", "b/c.txt"});
  folder.write("a.txt", "what its owner changed\n");
  fs::remove(folder / "b/c.txt");
  const auto files = list(inspect(folder.path()));
  const ListedFile present = find(files, "a.txt");
  CHECK(present.kind == Kind::kRegular);
  CHECK_FALSE(present.blob_is_current);
  CHECK(find(files, "b/c.txt").kind == Kind::kSparse);
}

TEST_CASE("listing: partial clones and work trees with their own configuration are read",
          "[listing]") {
  const ScratchFolder origin;
  const ScratchFolder folder;
  make_repository(origin);
  origin.git({"config", "uploadpack.allowFilter", "true"});
  folder.git({"clone", "-q", "--filter=blob:none", "file://" + origin.path().string(), "clone"});
  folder.git({"-C", folder / "clone", "sparse-checkout", "set", "--no-cone", "/*"});
  folder.write("clone/x.personal");
  folder.write("rules", "*.personal\n");
  folder.git(
      {"-C", folder / "clone", "config", "--worktree", "core.excludesFile", folder / "rules"});
  const RepositoryInfo info = inspect(folder / "clone");
  CHECK(info.remote == "file://" + origin.path().string());
  CHECK(paths_of(list(info)) == Paths{".gitignore", "a.txt", "b/c.txt"});
}

TEST_CASE("listing: another owner's repository is read", "[listing][root]") {
  if (::geteuid() != 0) return forkdex::test::skip("only root can give files away");
  const ScratchFolder folder;
  make_repository(folder);
  for (const auto& entry : fs::recursive_directory_iterator(folder.path()))
    REQUIRE(::lchown(entry.path().c_str(), 4242, 4242) == 0);
  REQUIRE(::lchown(folder.path().c_str(), 4242, 4242) == 0);
  CHECK(inspect(folder.path()).in_git);
  CHECK(list_paths(folder.path()) == Paths{".gitignore", "a.txt", "b/c.txt"});
}

TEST_CASE("listing: the index is left byte for byte as it was", "[listing]") {
  const ScratchFolder folder;
  make_repository(folder);
  folder.write("a.txt", "changed\n");
  const auto before = fs::last_write_time(folder / ".git/index");
  const std::string tree = folder.git({"ls-files", "--stage", "--debug"});
  list_paths(folder.path());
  CHECK(fs::last_write_time(folder / ".git/index") == before);
  CHECK(folder.git({"ls-files", "--stage", "--debug"}) == tree);
}

TEST_CASE("remote url: userinfo, query and fragment go, all else stays", "[listing]") {
  using forkdex::remote_without_secrets;
  CHECK(remote_without_secrets("https://me:pw@host/a/b.git") == "https://host/a/b.git");
  CHECK(remote_without_secrets("https://token@host:8443/a") == "https://host:8443/a");
  CHECK(remote_without_secrets("https://a:p@ss@host/x@y") == "https://host/x@y");
  CHECK(remote_without_secrets("https://host/a.git?private_token=1#x") == "https://host/a.git");
  CHECK(remote_without_secrets("https://me:pw@host") == "https://host");
  CHECK(remote_without_secrets("ssh://git@host:22/~me/a") == "ssh://host:22/~me/a");
  CHECK(remote_without_secrets("git@host:me/a.git") == "host:me/a.git");
  CHECK(remote_without_secrets("host:a@b") == "host:a@b");
  CHECK(remote_without_secrets("/srv/a@b:c/d") == "/srv/a@b:c/d");
  CHECK(remote_without_secrets("../a@b") == "../a@b");
  CHECK(remote_without_secrets("file:///srv/a@b") == "file:///srv/a@b");
}
