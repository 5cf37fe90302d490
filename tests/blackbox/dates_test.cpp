// Files and commits of any date.

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include <catch2/catch.hpp>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "tests/blackbox/commits_fixture.h"
#include "tests/support/database.h"
#include "tests/support/git_tree.h"
#include "tests/support/index_run.h"
#include "tests/support/skip.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait_until.h"

namespace forkdex::test {
namespace {

using Seconds = std::int64_t;

constexpr Seconds kYear = 31'556'952;
constexpr Seconds kLastNanosecond = 9'223'372'036;  // of 64 bits, in April 2262

/// On file systems that keep 34 bits of the seconds, as ext4 does.
const std::vector<Seconds> kDates34 = {-2'147'483'647,
                                       -1,
                                       0,
                                       2'147'483'648,
                                       4'294'967'295,
                                       4'294'967'296,
                                       kLastNanosecond - 1,
                                       kLastNanosecond,
                                       kLastNanosecond + 1,
                                       15'032'385'534};
/// On those that keep 64 bits, as tmpfs does.
const std::vector<Seconds> kDates64 = {-300 * kYear,
                                       -62'135'596'801,
                                       8000 * kYear,
                                       253'402'300'800,
                                       std::numeric_limits<Seconds>::max() / 2,
                                       std::numeric_limits<Seconds>::max() - 1,
                                       std::numeric_limits<Seconds>::min() + 1};

/// A folder beneath `where`, removed when destroyed.
class FolderIn {
 public:
  explicit FolderIn(const fs::path& where) {
    std::string name = where / "forkdex-dates-XXXXXX";
    if (!::mkdtemp(name.data())) throw std::runtime_error("no folder in " + where.string());
    path_ = name;
  }
  FolderIn(const FolderIn&) = delete;
  FolderIn& operator=(const FolderIn&) = delete;
  ~FolderIn() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// Whether the file system took the date as it is.
bool date(const fs::path& file, Seconds seconds, long nanoseconds) {
  const timespec time{seconds, nanoseconds};
  const timespec times[2] = {time, time};
  struct stat about{};
  return ::utimensat(AT_FDCWD, file.c_str(), times, 0) == 0 && ::stat(file.c_str(), &about) == 0 &&
         about.st_mtim.tv_sec == seconds && about.st_mtim.tv_nsec == nanoseconds;
}

void write(const fs::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
}

/// A file for each date, with and without a fraction. Returns how many.
int write_dated(const fs::path& tree, const std::vector<Seconds>& dates) {
  int count = 0;
  for (const Seconds seconds : dates)
    for (const long nanoseconds : {0L, 123'456'789L}) {
      const fs::path file = tree / ("f" + std::to_string(count) + ".py");
      write(file, "def f" + std::to_string(count) + "():\n    return 1\n");
      if (date(file, seconds, nanoseconds)) {
        ++count;
        continue;
      }
      fs::remove(file);
      skip("the file system of " + tree.string() + " does not keep the date " +
           std::to_string(seconds) + "." + std::to_string(nanoseconds));
    }
  return count;
}

/// Indexes `tree`, whose `count` files are dated, until nothing is opened; then changes the bytes
/// of each and dates it again.
void check_dated(const fs::path& tree, int count) {
  REQUIRE(count > 0);
  let_time_pass();
  const Database database;
  const auto run = [&] { return index_well(tree, database, {"--no-commits"}); };
  CHECK(files_in(run().report, "indexed") == count);
  const IndexRun second = run();
  INFO(second.report.dump());
  CHECK(files_in(second.report, "unchanged") == count);
  CHECK(second.report.at("workers").at("started") == 0);

  int changed = 0;
  for (const auto& entry : fs::directory_iterator(tree)) {
    if (entry.path().extension() != ".py") continue;
    struct stat about{};
    REQUIRE(::stat(entry.path().c_str(), &about) == 0);
    std::string text = read_file(entry.path());
    text.replace(text.find("return 1"), 8, "return 2");  // of the same size
    write(entry.path(), text);
    REQUIRE(date(entry.path(), about.st_mtim.tv_sec, about.st_mtim.tv_nsec));
    ++changed;
  }
  REQUIRE(changed == count);
  let_time_pass();
  CHECK(files_in(run().report, "indexed") == count);
  CHECK(database.value("SELECT count(*) FROM forkdex.chunks WHERE source LIKE '%return 2%'") ==
        std::to_string(count));
  const IndexRun last = run();
  CHECK(files_in(last.report, "unchanged") == count);
  CHECK(last.report.at("workers").at("started") == 0);
}

TEST_CASE("dates: files of a folder dated from 1901 to 2446 -> unchanged when they are, else read",
          "[shallow]") {
  const TemporaryFolder tree;
  check_dated(tree.path(), write_dated(tree.path(), kDates34));
}

TEST_CASE(
    "dates: files dated as far as 64 bits of seconds go -> unchanged when they are, else read",
    "[shallow]") {
  const FolderIn tree("/dev/shm");
  check_dated(tree.path(), write_dated(tree.path(), kDates64));
}

TEST_CASE("dates: files of a repository -> unchanged when they are, else read", "[shallow]") {
  const TemporaryFolder tree;
  const int count = write_dated(tree.path(), kDates34);
  make_repository(tree.path());
  check_dated(tree.path(), count);
}

TEST_CASE("dates: commits of any date and zone -> stored and walked as git walks them",
          "[shallow]") {
  struct Row {
    std::string author, committer, stored;
  };
  // git itself shows a time that 64 bits do not hold as 1970; PostgreSQL's calendar and everybody's
  // end with the year 9999.
  const std::vector<Row> rows = {
      {"-1 +0000", "-1 +0000", "1969-12-31 23:59:59"},
      {"-2208988800 +0000", "1 +0000", "1900-01-01 00:00:00"},
      {"4102444800 +0000", "4102444800 +0000", "2100-01-01 00:00:00"},
      {"9223372036 +0000", "9223372037 +0000", "2262-04-11 23:47:16"},
      {"253402300799 +0000", "253402300800 +0000", "9999-12-31 23:59:59"},
      {"9223372036854775807 +0000", "9223372036854775807 +0000", "9999-12-31 23:59:59"},
      {"-9223372036854775808 +0000", "-9223372036854775808 +0000", "0001-01-01 00:00:00"},
      {"18446744073709551616 +0000", "99999999999999999999 +0000", "1970-01-01 00:00:00"},
      {"1000000000 +9999", "1000000000 -9999", "2001-09-09 01:46:40"},
      {"1000000001 nonsense", "1000000001", "2001-09-09 01:46:41"},
      {"1000000002 +000000000000000001", "x +0000", "2001-09-09 01:46:42"},
      {"", "", "1970-01-01 00:00:00"},
      {"1000000003 +1400", "2 -1200", "2001-09-09 01:46:43"},
  };
  const GitFolder folder;
  std::string parent;
  Strings stored;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    folder.write("f" + std::to_string(i) + ".bin", std::string(1, '\0'));
    folder.git({"add", "-A"});
    const std::string tree = lines_of(folder.git({"write-tree"})).at(0);
    const std::string object = "tree " + tree + "\n" + parent + "author A <a@b> " + rows[i].author +
                               "\ncommitter C <c@d> " + rows[i].committer + "\n\nmessage " +
                               std::to_string(i) + "\n";
    const std::string oid = lines_of(
        folder.git({"hash-object", "-t", "commit", "-w", "--stdin", "--literally"}, object))[0];
    folder.git({"update-ref", "HEAD", oid});
    parent = "parent " + oid + "\n";
    stored.push_back("message " + std::to_string(i) + " " + rows[i].stored);
  }
  const Database database;
  index_well(folder.path(), database);
  CHECK(sorted(column(database,
                      "SELECT message || ' ' || to_char(authored_at AT TIME ZONE 'UTC', "
                      "'YYYY-MM-DD HH24:MI:SS') FROM forkdex.commits")) == sorted(stored));
  CHECK(differences_from_git(folder.path(), database) == Strings());
}

}  // namespace
}  // namespace forkdex::test
