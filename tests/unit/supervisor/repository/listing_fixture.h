#pragma once

// What the tests of listings share: short ways to inspect and list, and folders nobody may read.

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/jobs/file_facts.h"
#include "supervisor/repository/listing.h"
#include "tests/support/scratch_repository.h"

namespace forkdex::test::listing {

namespace fs = std::filesystem;
using forkdex::ErrorCode;
using forkdex::ListedFile;
using forkdex::RepositoryInfo;
using forkdex::test::ScopedVariable;
using forkdex::test::ScratchFolder;
using Kind = ListedFile::Kind;
using Paths = std::vector<std::string>;

inline RepositoryInfo inspect(const fs::path& path) {
  auto info = forkdex::inspect_repository(path);
  if (!info) FAIL(info.error().text());
  return *info;
}

/// The root commit, hex.
inline std::optional<std::string> root_of(const RepositoryInfo& info) {
  const auto found = forkdex::find_root_commit(info);
  return found ? std::optional(found->commit) : std::nullopt;
}

inline std::vector<ListedFile> list(const RepositoryInfo& info) {
  std::vector<ListedFile> files;
  const auto listed =
      forkdex::list_files(info, [&](ListedFile&& file) { files.push_back(std::move(file)); });
  if (!listed) FAIL(listed.error().text());
  CHECK(std::is_sorted(files.begin(), files.end(),
                       [](const auto& a, const auto& b) { return a.path < b.path; }));
  return files;
}

inline Paths paths_of(const std::vector<ListedFile>& files) {
  Paths paths;
  for (const ListedFile& file : files) paths.push_back(file.path);
  return paths;
}

inline Paths list_paths(const fs::path& path) { return paths_of(list(inspect(path))); }

inline ListedFile find(const std::vector<ListedFile>& files, const std::string& path) {
  for (const ListedFile& file : files)
    if (file.path == path) return file;
  FAIL("not listed: " + path);
  return {};
}

inline std::string refusal(const fs::path& path, ErrorCode expected) {
  const auto info = forkdex::inspect_repository(path);
  REQUIRE_FALSE(info.ok());
  CHECK(info.error().code == expected);
  return info.error().text();
}

/// A repository with one commit of a.txt, b/c.txt and an ignore file.
inline void make_repository(const ScratchFolder& folder) {
  folder.git({"init", "-q", "-b", "main"});
  folder.write("a.txt");
  folder.write("b/c.txt");
  folder.write(".gitignore", "*.o\n/out/\n");
  folder.git({"add", "."});
  folder.git({"commit", "-qm", "first"});
}

inline std::string trimmed(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

/// Makes root an ordinary user while it lives; permissions mean nothing to root.
class OrdinaryUser {
 public:
  explicit OrdinaryUser(const fs::path& owned) {
    if (::geteuid() != 0) return;
    constexpr uid_t kSomeone = 4242;
    for (const auto& entry : fs::recursive_directory_iterator(owned))
      REQUIRE(::lchown(entry.path().c_str(), kSomeone, kSomeone) == 0);
    REQUIRE(::lchown(owned.c_str(), kSomeone, kSomeone) == 0);
    REQUIRE(::seteuid(kSomeone) == 0);
    was_root_ = true;
  }
  OrdinaryUser(const OrdinaryUser&) = delete;
  OrdinaryUser& operator=(const OrdinaryUser&) = delete;
  ~OrdinaryUser() {
    if (was_root_ && ::seteuid(0) != 0) std::abort();
  }

 private:
  bool was_root_ = false;
};

/// Takes a folder's permissions away while it lives.
class Forbidden {
 public:
  Forbidden(fs::path folder, fs::perms left) : folder_(std::move(folder)) {
    fs::permissions(folder_, left);
  }
  Forbidden(const Forbidden&) = delete;
  Forbidden& operator=(const Forbidden&) = delete;
  ~Forbidden() {
    std::error_code ignored;
    fs::permissions(folder_, fs::perms::owner_all, ignored);
  }

 private:
  fs::path folder_;
};

}  // namespace forkdex::test::listing
