#include "supervisor/run/output/report.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "supervisor/run/output/problem_list.h"
#include "supervisor/run/output/summary.h"

namespace forkdex {
namespace {

/// A folder that goes, with what is in it, when the test ends.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = std::filesystem::temp_directory_path() / "forkdex-report-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string content(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

Accounting with_problems(std::size_t problems) {
  Accounting accounting;
  accounting.expect(problems + 2);
  accounting.record("u.ts", {FileState::kUnchanged}, "typescript", 4);
  FinishedFile file;
  file.path = "i.ts";
  file.facts.language = "typescript";
  file.chunks = 3;
  file.result.chunks = 3;
  file.times.embed = std::chrono::milliseconds(1500);
  accounting.record(file);
  for (std::size_t i = 0; i < problems; ++i)
    accounting.record("bad" + std::to_string(i) + "\n\xff",
                      {FileState::kFailed, "encoding", "\xfe"}, "", 0);
  return accounting;
}

TextPieces pieces(std::string text) {
  return [text](const auto& piece) { return piece(text); };
}

std::string joined(const TextPieces& pieces) {
  std::string text;
  CHECK(pieces([&](std::string_view piece) {
          text += piece;
          return Result<void>();
        }).ok());
  return text;
}

RunFacts facts() {
  RunFacts made;
  made.repository = "rxjs";
  made.root = "/r/\xff";
  made.workers.count = 2;
  made.texts = {TextCounts{12, 4, 0}, 2, 0, 2, 1, 55};
  made.seconds.total = 2.5;
  made.seconds.files = 2.25;
  made.memory.workers_peak_pss_bytes = 7;
  return made;
}

}  // namespace

// The whole object, spelled out: scripts rely on every key and on their order.
TEST_CASE("report: holds every key of the contract", "[report]") {
  RunFacts known = facts();
  known.head = "abc";
  known.status = RunStatus::kInterrupted;
  const Accounting accounting = with_problems(1);
  CHECK(report_for_row(report_json(known, accounting), ProblemList::of(accounting.problems())) ==
        R"({"repository":"rxjs","root":"/r/\\xff","head":"abc","status":"interrupted",)"
        R"("files":{"total":3,"indexed":1,"unchanged":1,"empty":0,"skipped":0,"failed":1,)"
        R"("quarantined":0,"removed":0},"partly_parsed":0,)"
        R"("chunks":{"written":3,"embedded":2,"reused":1,"tokens":55},)"
        R"("texts":{"total":12,"missing":4,"failed":2,"refused":0},)"
        R"("commits":{"written":0,"embedded":0,"failed":0,"refused":0},)"
        R"("graph":{"nodes":0,"edges":0,"resolved_calls":0,"unresolved_calls":0,)"
        R"("external_calls":0},)"
        R"("workers":{"count":2,"started":0,"crashed":0,"out_of_memory":0,"timed_out":0,)"
        R"("recycled":0},)"
        R"("seconds":{"total":2.5,"scan":0.0,"files":2.25,"words":0.0,"graph":0.0,"commits":0.0,)"
        R"("texts":0.0,"index_build":0.0,"worker_read":0.0,"worker_parse":0.0,"worker_embed":1.5,)"
        R"("worker_store":0.0,"worker_idle":0.0},)"
        R"("memory":{"supervisor_peak_rss_bytes":0,"workers_peak_pss_bytes":7},)"
        R"("languages":{"typescript":{"files":2,"chunks":7}},)"
        "\"problems\":[{\"path\":\"bad0\\n\\\\xff\",\"state\":\"failed\",\"reason\":\"encoding\","
        "\"detail\":\"\xef\xbf\xbd\",\"attempts\":0}]}");
}

TEST_CASE("report: is valid JSON whatever names and details hold", "[report]") {
  const Accounting accounting = with_problems(2);
  const ProblemList problems = ProblemList::of(accounting.problems());
  const std::string text = joined(report_pieces(report_json(facts(), accounting), problems));
  CHECK(text.back() == '\n');
  const auto report = nlohmann::json::parse(text);
  CHECK(report["head"].is_null());
  CHECK(report["problems"].size() == 2);
  CHECK(report ==
        nlohmann::json::parse(report_for_row(report_json(facts(), accounting), problems)));
}

TEST_CASE("report: lists every problem, and the first thousand in the run's row", "[report]") {
  constexpr int kMany = 3 * int{ProblemList::kMostInRow};
  ProblemList problems;
  // Longer together than what is kept in memory.
  for (int i = 0; i < kMany; ++i)
    REQUIRE(problems.add(nlohmann::json{{"path", std::string(90, 'p')}, {"at", i}}.dump()).ok());
  const nlohmann::ordered_json report = report_json(facts(), with_problems(0));
  const auto whole = nlohmann::json::parse(joined(report_pieces(report, problems)))["problems"];
  REQUIRE(whole.size() == kMany);
  for (int i = 0; i < kMany; ++i) REQUIRE(whole[static_cast<std::size_t>(i)]["at"] == i);
  const auto row = nlohmann::json::parse(report_for_row(report, problems))["problems"];
  REQUIRE(row.size() == ProblemList::kMostInRow);
  CHECK(row.back()["at"] == ProblemList::kMostInRow - 1);
}

TEST_CASE("report: replaces the old file whole and leaves nothing beside it", "[report]") {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "report.json";
  std::ofstream(file) << "old";
  const mode_t mask = ::umask(022);
  CHECK(write_report(file, pieces("new\n")).ok());
  ::umask(mask);
  CHECK(content(file) == "new\n");
  struct stat status{};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0644);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("report: a place that cannot be written is named, and the old file stays", "[report]") {
  const TemporaryFolder folder;
  const Result<void> missing = write_report(folder.path() / "none" / "report.json", pieces("x"));
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().code == ErrorCode::kPathUnusable);
  CHECK(missing.error().text().find("report.json") != std::string::npos);
  CHECK_FALSE(write_report(folder.path(), pieces("x")).ok());
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("report: a place that cannot be written is known before the run", "[report]") {
  const TemporaryFolder folder;
  const std::string inside = folder.path() / "report.json";
  CHECK(check_report_destination("").ok());
  CHECK(check_report_destination("-").ok());
  CHECK(check_report_destination("report.json").ok());
  CHECK(check_report_destination(inside).ok());
  CHECK(check_report_destination("/dev/null").ok());
  CHECK(std::filesystem::is_empty(folder.path()));
  std::ofstream(inside) << "old";
  CHECK(check_report_destination(inside).ok());
  for (const std::string& bad : {folder.path().string(), folder.path().string() + "/none/",
                                 folder.path().string() + "/none/report.json", inside + "/x"}) {
    const Result<void> checked = check_report_destination(bad);
    INFO(bad);
    REQUIRE_FALSE(checked.ok());
    CHECK(checked.error().code == ErrorCode::kPathUnusable);
    CHECK(checked.error().text().find(bad) != std::string::npos);
  }
}

TEST_CASE("report: a full device is told apart", "[report]") {
  const Result<void> written = write_report("/dev/full", pieces("x"));
  REQUIRE_FALSE(written.ok());
  CHECK(written.error().code == ErrorCode::kDiskFull);
}

TEST_CASE("summary: names the first ten files that failed and how to list the rest", "[report]") {
  const std::string text = summary_text(facts(), with_problems(12), Verbosity::kNormal);
  CHECK(text.starts_with(
      "rxjs: complete\n"
      "  files    14 total, 2 succeeded (1 indexed, 1 unchanged, 0 empty), 0 skipped, 12 failed\n"
      "  chunks   3 written, 2 embedded, 1 reused, 55 tokens\n"
      "  texts    8 of 12 embedded, 4 missing (2 failed)\n"
      "  seconds  2.50 total, files 2.25\n"
      "failed bad0\\x0a\\xff: encoding ("));
  CHECK(text.find("bad9") != std::string::npos);
  CHECK(text.find("bad10") == std::string::npos);
  CHECK(text.ends_with("\nand 2 more: supervisor failures rxjs\n"));
}

TEST_CASE("summary: ten failures need no hint, none need nothing", "[report]") {
  CHECK(summary_text(facts(), with_problems(10), Verbosity::kNormal).find("more:") ==
        std::string::npos);
  CHECK(summary_text(facts(), with_problems(0), Verbosity::kQuiet).empty());
  CHECK(summary_text(facts(), with_problems(1), Verbosity::kQuiet).starts_with("failed bad0"));
  RunFacts refused = facts();
  refused.texts.counts->refused = 2;
  CHECK(summary_text(refused, with_problems(0), Verbosity::kQuiet) ==
        "2 texts have no vector because they end every worker: supervisor failures rxjs\n");
}

TEST_CASE("summary: says what an interrupted run did not reach", "[report]") {
  Accounting accounting;
  accounting.expect(5);
  RunFacts interrupted = facts();
  interrupted.status = RunStatus::kInterrupted;
  const std::string text = summary_text(interrupted, accounting, Verbosity::kNormal);
  CHECK(text.find("rxjs: interrupted") == 0);
  CHECK(text.find("5 not reached") != std::string::npos);
}

}  // namespace forkdex
