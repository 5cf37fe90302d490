// The same repository gives the same rows, however many workers index it.

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/support/corpus.h"
#include "tests/support/database.h"
#include "tests/support/index_run.h"

namespace forkdex::test {
namespace {

constexpr long kSupervisorRss = 64 << 20;  // bytes

using Strings = std::vector<std::string>;

/// Indexes `root` once for each count of workers, every time into a database of its own, and
/// compares each dump with the first. `read` files are neither skipped nor failed.
void check_same_rows(const std::filesystem::path& root, const std::string& repository,
                     const std::vector<int>& worker_counts, const Strings& options, int read) {
  Dump first;
  for (const int workers : worker_counts) {
    const Database database;
    Strings all = {"--repository", repository, "--workers", std::to_string(workers)};
    all.insert(all.end(), options.begin(), options.end());
    const IndexRun run = index(root, database, all);
    INFO(workers << " workers: " << run.ended.text());
    REQUIRE(run.ended.status == 0);
    CHECK(run.report.at("status") == "complete");
    CHECK(files_in(run.report, "indexed") + files_in(run.report, "empty") == read);
    CHECK(files_in(run.report, "failed") == 0);
    CHECK(run.report.at("workers").at("count") == workers);
    CHECK(run.report.at("memory").at("supervisor_peak_rss_bytes").get<long>() < kSupervisorRss);
    CHECK(contradictions(run.report, database) == Strings());
    const Dump rows = dump(database, repository);
    CHECK(rows.chunks.size() > static_cast<std::size_t>(read));
    if (first.files.empty()) first = rows;
    CHECK(differences(first, rows) == Strings());
  }
}

TEST_CASE("rows: rxjs gives the same ones with one, two and four workers") {
  check_same_rows(corpus("rxjs-7.8.2") / "src", "rxjs", {1, 2, 4}, {}, 260);
}

TEST_CASE("rows: django's Python gives the same ones with one, two and four workers", "[slow]") {
  check_same_rows(corpus("django-5.2.8") / "django", "django", {1, 2, 4}, {"--languages", "python"},
                  883);
}

TEST_CASE("rows: all of django gives the same ones with two and four workers", "[slow]") {
  check_same_rows(corpus("django-5.2.8") / "django", "django", {2, 4}, {}, 2433);
}

TEST_CASE("rows: effect gives the same ones with two and four workers", "[slow]") {
  check_same_rows(corpus("effect-4.1.0") / "src", "effect", {2, 4}, {}, 572);
}

}  // namespace
}  // namespace forkdex::test
