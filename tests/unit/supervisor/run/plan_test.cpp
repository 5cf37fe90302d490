#include "supervisor/run/plan.h"

#include <deque>
#include <limits>
#include <map>

#include <catch2/catch.hpp>

using namespace forkdex;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

ListedFile listed(std::string path, std::uint64_t size = 10) {
  ListedFile file;
  file.path = std::move(path);
  file.size = size;
  file.mtime_ns = 100 * kSecond + 1;
  file.ctime_ns = 100 * kSecond + 2;
  file.inode = 5;
  return file;
}

KnownFile known(std::string path, FileState state = FileState::kIndexed, std::string reason = "") {
  KnownFile file;
  file.path = std::move(path);
  file.verdict.state = state;
  file.verdict.reason = std::move(reason);
  file.recipe = "r1";
  file.facts.signature = {10, 100 * kSecond + 1, 100 * kSecond + 2, 5, 200 * kSecond};
  file.content_hash = sha256("bytes");
  return file;
}

PlanRules rules() {
  PlanRules rules;
  rules.recipe = "r1";
  rules.max_file_bytes = 1000;
  rules.listed_at_ns = 300 * kSecond;
  return rules;
}

struct Planned {
  std::map<std::string, Decided> decided;
  std::deque<IndexFile> jobs;
  const IndexFile* job(std::string_view path) const {
    for (const IndexFile& job : jobs)
      if (job.path == path) return &job;
    return nullptr;
  }
};

Planned plan(PlanRules with, std::vector<ListedFile> files, std::vector<KnownFile> known_files) {
  Planned planned;
  std::size_t next = 0;
  Planner planner(
      std::move(with),
      [&]() -> Result<std::optional<KnownFile>> {
        if (next == known_files.size()) return std::optional<KnownFile>();
        return std::optional<KnownFile>(known_files[next++]);
      },
      [&](Decided&& decided) {
        const std::string path = decided.path;
        planned.decided.emplace(path, std::move(decided));
      });
  for (ListedFile& file : files) REQUIRE(planner.take(std::move(file)).ok());
  auto jobs = planner.finish();
  REQUIRE(jobs.ok());
  while (!jobs->empty()) planned.jobs.push_back(*decode<IndexFile>((**jobs->next()).payload));
  return planned;
}

}  // namespace

TEST_CASE("plan: a new repository is all jobs, biggest first", "[plan]") {
  const Planned planned =
      plan(rules(), {listed("a.py", 1), listed("b.py", 30), listed("c.py", 20)}, {});
  REQUIRE(planned.jobs.size() == 3);
  CHECK(planned.jobs[0].path == "b.py");
  CHECK(planned.jobs[1].path == "c.py");
  CHECK(planned.jobs[2].path == "a.py");
  CHECK(planned.decided.empty());
}

TEST_CASE("plan: same signature and recipe is unchanged, and nothing is opened", "[plan]") {
  const Planned planned = plan(rules(), {listed("a.py")}, {known("a.py")});
  CHECK(planned.jobs.empty());
  REQUIRE(planned.decided.count("a.py") == 1);
  CHECK(planned.decided.at("a.py").verdict.state == FileState::kUnchanged);
  CHECK(planned.decided.at("a.py").row_is_current);
}

TEST_CASE("plan: another signature is compared by content, another recipe is not", "[plan]") {
  ListedFile touched = listed("a.py");
  touched.mtime_ns += 1;
  const Planned planned = plan(rules(), {touched}, {known("a.py")});
  REQUIRE(planned.job("a.py"));
  CHECK(planned.job("a.py")->known_hash);

  KnownFile old = known("a.py");
  old.recipe = "r0";
  const Planned again = plan(rules(), {listed("a.py")}, {old});
  REQUIRE(again.job("a.py"));
  CHECK_FALSE(again.job("a.py")->known_hash);
}

TEST_CASE("plan: a file written just before it was read is compared by content", "[plan]") {
  KnownFile racy = known("a.py");
  racy.facts.signature.seen_at_ns = racy.facts.signature.mtime_ns + 1000;
  CHECK(plan(rules(), {listed("a.py")}, {racy}).job("a.py"));
}

TEST_CASE("plan: an mtime ahead of the look -> ctime alone says whether the file was just written",
          "[plan]") {
  struct Row {
    std::int64_t mtime_ns, ctime_ns;
    bool opened;
  };
  constexpr std::int64_t kSeen = 200 * kSecond + 5;
  constexpr std::int64_t kFarAhead = std::numeric_limits<std::int64_t>::max();
  for (const Row& row :
       {Row{kSeen + 1, kSeen - kSecond, false}, Row{300 * kSecond, 100 * kSecond + 1, false},
        Row{300 * kSecond, 100 * kSecond, false},  // whole seconds, long ago
        Row{kFarAhead, 100 * kSecond + 1, false},
        // Dated and looked at in one tick.
        Row{kFarAhead, kSeen - 1000, true}, Row{kFarAhead, kSeen, true},
        Row{300 * kSecond, 199 * kSecond, true},
        // The clock of the file system is ahead of ours.
        Row{kSeen + 1, kSeen + 1, true}, Row{300 * kSecond, 300 * kSecond, true},
        Row{100 * kSecond + 1, 300 * kSecond, true},
        // Long ago, or before all times.
        Row{-5 * kSecond + 1, 100 * kSecond, false},
        Row{std::numeric_limits<std::int64_t>::min(), 100 * kSecond + 1, false}}) {
    INFO(row.mtime_ns << " " << row.ctime_ns);
    ListedFile file = listed("a.py");
    KnownFile of_row = known("a.py");
    of_row.facts.signature.mtime_ns = file.mtime_ns = row.mtime_ns;
    of_row.facts.signature.ctime_ns = file.ctime_ns = row.ctime_ns;
    of_row.facts.signature.seen_at_ns = kSeen;
    CHECK((plan(rules(), {file}, {of_row}).job("a.py") != nullptr) == row.opened);
  }
}

TEST_CASE("plan: --full trusts nothing", "[plan]") {
  PlanRules full = rules();
  full.full = true;
  const Planned planned = plan(full, {listed("a.py")}, {known("a.py")});
  REQUIRE(planned.job("a.py"));
  CHECK_FALSE(planned.job("a.py")->known_hash);
}

TEST_CASE("plan: what is known and gone is removed, wherever it stood", "[plan]") {
  const Planned planned = plan(rules(), {listed("b.py"), listed("d.py")},
                               {known("a.py"), known("b.py"), known("c.py"), known("e.py")});
  for (const char* gone : {"a.py", "c.py", "e.py"}) {
    INFO(gone);
    REQUIRE(planned.decided.count(gone) == 1);
    CHECK(planned.decided.at(gone).verdict.state == FileState::kRemoved);
  }
  CHECK(planned.decided.at("b.py").verdict.state == FileState::kUnchanged);
  CHECK(planned.job("d.py"));
}

TEST_CASE("plan: what is out of scope is neither seen to nor removed", "[plan]") {
  PlanRules some = rules();
  some.in_scope = [](std::string_view path) { return path.ends_with("in.py"); };
  const Planned planned =
      plan(some, {listed("a-in.py"), listed("b-out.py"), listed("c-in.py"), listed("d-out.py")},
           {known("a-in.py"), known("b-out.py"), known("gone-in.py"), known("gone-out.py")});
  REQUIRE(planned.jobs.size() == 1);
  CHECK(planned.jobs[0].path == "c-in.py");
  REQUIRE(planned.decided.size() == 2);
  CHECK(planned.decided.at("a-in.py").verdict.state == FileState::kUnchanged);
  CHECK(planned.decided.at("gone-in.py").verdict.state == FileState::kRemoved);
}

TEST_CASE("plan: what is known below a folder that cannot be read is kept", "[plan]") {
  ListedFile folder = listed("locked/");
  folder.kind = ListedFile::Kind::kUnreadable;
  const Planned planned = plan(rules(), {folder, listed("z.py")},
                               {known("a.py"), known("locked/a.py"), known("lockedb.py")});
  CHECK(planned.decided.at("locked/").verdict.reason == "unreadable");
  CHECK(planned.decided.count("locked/a.py") == 0);
  CHECK(planned.decided.at("a.py").verdict.state == FileState::kRemoved);
  CHECK(planned.decided.at("lockedb.py").verdict.state == FileState::kRemoved);
}

TEST_CASE("plan: a file that was written anew is unchanged where git's index says so", "[plan]") {
  ListedFile fresh = listed("a.py");
  fresh.inode = 6;
  fresh.blob_oid = "abc";
  fresh.blob_is_current = true;
  KnownFile row = known("a.py");
  row.facts.blob_oid = "abc";
  const Planned planned = plan(rules(), {fresh}, {row});
  REQUIRE(planned.jobs.empty());
  const Decided& same = planned.decided.at("a.py");
  CHECK(same.verdict.state == FileState::kUnchanged);
  CHECK(same.row_stands);
  CHECK_FALSE(same.row_is_current);  // it takes the new signature
  CHECK(same.facts.signature.inode == 6);
  CHECK(same.facts.blob_oid == "abc");

  SECTION("but not where the index does not vouch for the bytes") { fresh.blob_is_current = false; }
  SECTION("but not where the index has another blob") { fresh.blob_oid = "abd"; }
  SECTION("but not where git converts, which changes the size") { fresh.size = 11; }
  SECTION("but not where nobody knows what the row's bytes are") { row.facts.blob_oid.clear(); }
  SECTION("but not under another recipe") { row.recipe = "r0"; }
  SECTION("but not where the last attempt failed") { row.verdict.state = FileState::kFailed; }
  CHECK(plan(rules(), {fresh}, {row}).jobs.size() == 1);
}

TEST_CASE("plan: a commit's file is known by its blob alone", "[plan]") {
  ListedFile blob;
  blob.path = "a.py";
  blob.size = 10;
  blob.blob_oid = "abc";
  blob.blob_is_current = blob.in_store = true;
  KnownFile row = known("a.py");
  row.facts.blob_oid = "abc";
  const Planned same = plan(rules(), {blob}, {row});
  REQUIRE(same.jobs.empty());
  CHECK(same.decided.at("a.py").row_is_current);  // what it says of the file on disk stays true

  row.facts.blob_oid = "abd";
  row.facts.signature = {10, 0, 0, 0, 200 * kSecond};  // as an earlier commit left it
  const Planned other = plan(rules(), {blob}, {row});
  REQUIRE(other.job("a.py"));
  CHECK(other.job("a.py")->blob_oid == "abc");
  CHECK(plan(rules(), {listed("b.py")}, {}).job("b.py")->blob_oid.empty());
}

TEST_CASE("plan: bytes decide the order, not a locale", "[plan]") {
  const Planned planned = plan(rules(), {listed("B.py"), listed("a.py"), listed("\xC3\xA9.py")},
                               {known("B.py"), known("a.py"), known("\xC3\xA9.py")});
  CHECK(planned.jobs.empty());
  CHECK(planned.decided.size() == 3);
}

TEST_CASE("plan: failed files are tried again by every run", "[plan]") {
  const Planned planned =
      plan(rules(), {listed("a.py")}, {known("a.py", FileState::kFailed, "encoding")});
  REQUIRE(planned.job("a.py"));
  CHECK_FALSE(planned.job("a.py")->known_hash);
}

TEST_CASE("plan: a file skipped for its content is skipped again without being opened", "[plan]") {
  const std::string reason = GENERATE("binary", "generated");
  const Planned planned =
      plan(rules(), {listed("a.py")}, {known("a.py", FileState::kSkipped, reason)});
  REQUIRE(planned.decided.count("a.py") == 1);
  CHECK(planned.decided.at("a.py").verdict.state == FileState::kSkipped);
  CHECK(planned.decided.at("a.py").verdict.reason == reason);
}

TEST_CASE("plan: a higher limit or a wider pattern retries what was refused", "[plan]") {
  CHECK(plan(rules(), {listed("a.py")}, {known("a.py", FileState::kSkipped, "too_large")})
            .job("a.py"));
  CHECK(plan(rules(), {listed("a.py")}, {known("a.py", FileState::kSkipped, "excluded")})
            .job("a.py"));
}

TEST_CASE("plan: a refused file's row is written again when it would say something else",
          "[plan]") {
  PlanRules narrow = rules();
  narrow.exclude = {"*.py"};
  const auto row_stays = [&](std::uint64_t size, KnownFile row) {
    return plan(narrow, {listed("a.py", size)}, {std::move(row)}).decided.at("a.py").row_is_current;
  };
  const KnownFile excluded = known("a.py", FileState::kSkipped, "excluded");
  CHECK(row_stays(10, excluded));
  CHECK_FALSE(row_stays(11, excluded));
  CHECK_FALSE(row_stays(10, known("a.py", FileState::kSkipped, "too_large")));

  narrow.exclude.clear();
  narrow.max_file_bytes = 9;
  KnownFile large = known("a.py", FileState::kSkipped, "too_large");
  large.verdict.detail = "10 bytes, more than --max-file-size 8";
  CHECK_FALSE(row_stays(10, large));
  large.verdict.detail = "10 bytes, more than --max-file-size 9";
  CHECK(row_stays(10, large));
}

TEST_CASE("plan: where the name says no language, a worker asks the content once", "[plan]") {
  PlanRules narrow = rules();
  narrow.languages = {"python"};
  const Planned first = plan(narrow, {listed("LICENSE"), listed("a.ts")}, {});
  CHECK(first.job("LICENSE"));
  CHECK(first.decided.at("a.ts").verdict.reason == "excluded");

  KnownFile script = known("bin/report");
  script.facts.language = "python";
  KnownFile other = known("bin/shop", FileState::kSkipped, "excluded");
  other.facts.language = "javascript";
  other.verdict.detail = "its content is javascript";
  const Planned again = plan(narrow, {listed("bin/report"), listed("bin/shop")}, {script, other});
  CHECK(again.jobs.empty());
  CHECK(again.decided.at("bin/report").verdict.state == FileState::kUnchanged);
  CHECK(again.decided.at("bin/report").facts.language == "python");
  CHECK(again.decided.at("bin/shop").verdict.reason == "excluded");
  CHECK(again.decided.at("bin/shop").row_is_current);

  // Other languages: what the rows say suffices, but for a file that was not indexed.
  narrow.languages = {"javascript"};
  const Planned turned = plan(narrow, {listed("bin/report"), listed("bin/shop")}, {script, other});
  CHECK(turned.decided.at("bin/report").verdict.state == FileState::kSkipped);
  CHECK(turned.decided.at("bin/report").facts.language == "python");
  CHECK_FALSE(turned.decided.at("bin/report").row_is_current);
  CHECK(turned.job("bin/shop"));

  // Other bytes, or another recipe, may be in another language.
  ListedFile touched = listed("bin/shop");
  touched.mtime_ns += 1;
  narrow.languages = {"python"};
  CHECK(plan(narrow, {touched}, {other}).job("bin/shop"));
  other.recipe = "r0";
  CHECK(plan(narrow, {listed("bin/shop")}, {other}).job("bin/shop"));
}

TEST_CASE("plan: kinds, sizes, globs and languages that exclude a file name their reason",
          "[plan]") {
  PlanRules narrow = rules();
  narrow.exclude = {"*.min.js"};
  narrow.languages = {"python", "javascript"};
  ListedFile link = listed("link");
  link.kind = ListedFile::Kind::kNotRegular;
  ListedFile locked = listed("locked.py");
  locked.kind = ListedFile::Kind::kUnreadable;
  locked.note = "Permission denied";
  const Planned planned =
      plan(narrow, {listed("a.min.js"), listed("a.ts"), listed("big.py", 1001), link, locked}, {});
  CHECK(planned.jobs.empty());
  CHECK(planned.decided.at("a.min.js").verdict.reason == "excluded");
  CHECK(planned.decided.at("a.ts").verdict.reason == "excluded");
  CHECK(planned.decided.at("big.py").verdict.reason == "too_large");
  CHECK(planned.decided.at("link").verdict.reason == "not_regular");
  CHECK(planned.decided.at("locked.py").verdict.state == FileState::kFailed);
  CHECK(planned.decided.at("locked.py").verdict.reason == "unreadable");
  CHECK(planned.decided.at("locked.py").verdict.detail == "Permission denied");
}

namespace {

KnownFile quarantined(std::string path, std::string reason, std::uint64_t limit = 0) {
  KnownFile file = known(std::move(path), FileState::kQuarantined, std::move(reason));
  file.verdict.detail = "the worker was killed by signal 11 (Segmentation fault)";
  file.verdict.attempts = 3;
  file.refused_limit = limit;
  return file;
}

}  // namespace

TEST_CASE("plan: a quarantined file stays so without being tried", "[plan]") {
  PlanRules full = rules();
  full.full = true;
  for (const PlanRules& with : {rules(), full}) {
    const Planned planned = plan(with, {listed("a.py")}, {quarantined("a.py", "crashed")});
    CHECK(planned.jobs.empty());
    const Decided& decided = planned.decided.at("a.py");
    CHECK(decided.verdict.state == FileState::kQuarantined);
    CHECK(decided.verdict.reason == "crashed");
    CHECK(decided.verdict.detail == "the worker was killed by signal 11 (Segmentation fault)");
    CHECK(decided.verdict.attempts == 3);
    CHECK(decided.row_is_current);
  }
}

TEST_CASE("plan: a quarantined file is tried again when asked, or under another recipe", "[plan]") {
  PlanRules retry = rules();
  retry.retry_failed = true;
  const Planned asked = plan(retry, {listed("a.py")}, {quarantined("a.py", "crashed")});
  REQUIRE(asked.job("a.py"));
  CHECK_FALSE(asked.job("a.py")->known_hash);
  PlanRules recipe = rules();
  recipe.recipe = "r2";
  CHECK(plan(recipe, {listed("a.py")}, {quarantined("a.py", "crashed")}).job("a.py"));
}

TEST_CASE("plan: only a higher limit retries what a limit refused", "[plan]") {
  PlanRules with = rules();
  with.file_timeout_seconds = 60;
  with.memory_per_worker_bytes = 1000;
  const auto retried = [&](const char* reason, std::uint64_t limit) {
    return plan(with, {listed("a.py")}, {quarantined("a.py", reason, limit)}).job("a.py");
  };
  CHECK(retried("timed_out", 59));
  CHECK_FALSE(retried("timed_out", 60));
  CHECK_FALSE(retried("timed_out", 61));
  CHECK(retried("out_of_memory", 999));
  CHECK_FALSE(retried("out_of_memory", 1000));
  // One that we chose follows what the machine has at the moment.
  with.memory_is_chosen = true;
  CHECK_FALSE(retried("out_of_memory", 667));
  CHECK(retried("out_of_memory", 666));
}

TEST_CASE("plan: touched, a quarantined file is judged by its bytes", "[plan]") {
  ListedFile touched = listed("a.py");
  touched.mtime_ns += 1;
  const Planned planned = plan(rules(), {touched}, {quarantined("a.py", "crashed")});
  const IndexFile* job = planned.job("a.py");
  REQUIRE(job);
  CHECK(job->known_hash);
  CHECK(job->is_quarantined);
}
