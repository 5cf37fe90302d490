// A file's job on its way out and back, in the supervisor.

#include "supervisor/run/file_job.h"

#include <catch2/catch.hpp>

namespace forkdex {
namespace {

const Quarantine kCrashedThen{{FileState::kQuarantined, "crashed", "as it was told then", 3}, 99};

FileMemo memo(std::optional<Quarantine> quarantine = {}) {
  return {{50, 1, 2, 3, 4}, 7, std::move(quarantine)};
}

Outcome outcome(const IndexFileResult& result, JobEnd end = JobEnd::kDone) {
  Outcome made;
  made.end = end;
  made.payload = encode(result);
  return made;
}

}  // namespace

TEST_CASE("file job: a path is its label, escaped, and its size what it costs", "[plan]") {
  const Job job = file_job(5, IndexFile{"a\xff.py"}, memo());
  CHECK(job.id == 5);
  CHECK(job.kind == JobKind::kIndexFile);
  CHECK(job.label == "a\\xff.py");
  CHECK(job.cost == 50);
}

TEST_CASE("file job: an indexed file -> what its worker read, and its signature", "[plan]") {
  const Job job = file_job(1, IndexFile{"a.py"}, memo());
  const FinishedFile file =
      finished_file(job, outcome({FileState::kIndexed, "python", 60, std::string(40, 'b'), 4}));
  CHECK(file.path == "a.py");
  CHECK(file.verdict.state == FileState::kIndexed);
  CHECK(file.verdict.attempts == 1);
  CHECK(file.facts.language == "python");
  CHECK(file.facts.blob_oid == std::string(40, 'b'));
  CHECK(file.facts.signature.mtime_ns == 1);
  CHECK(file.facts.signature.size == 60);  // of the bytes that the blob's id is of
  CHECK(file.chunks == 4);
  CHECK(file.cost == 50);
}

TEST_CASE("file job: what fails or is skipped keeps its reason and the attempts", "[plan]") {
  const auto [end, state] = GENERATE(table<JobEnd, FileState>(
      {{JobEnd::kFailed, FileState::kFailed}, {JobEnd::kSkipped, FileState::kSkipped}}));
  Job job = file_job(1, IndexFile{"a.py", "abc"}, memo());
  job.attempt = 2;
  Outcome ended = outcome({}, end);
  ended.reason = "encoding";
  ended.detail = "declared UTF-16";
  const FinishedFile file = finished_file(job, ended);
  CHECK(file.verdict.state == state);
  CHECK(file.verdict.reason == "encoding");
  CHECK(file.verdict.detail == "declared UTF-16");
  CHECK(file.verdict.attempts == 2);
  CHECK(file.facts.blob_oid == "abc");  // no bytes were read: the blob it was listed with
  CHECK(file.facts.signature.size == 50);
}

TEST_CASE("file job: a file that its bytes show to be unchanged keeps its language and chunks",
          "[plan]") {
  const Job job = file_job(1, IndexFile{"a.py", "", sha256("x")}, memo());
  const FinishedFile file = finished_file(job, outcome({FileState::kUnchanged}));
  CHECK(file.verdict.state == FileState::kUnchanged);
  CHECK(file.facts.language == "python");
  CHECK(file.chunks == 7);
  CHECK(file.result.chunks == 0);
}

TEST_CASE("file job: an unchanged file has the language that its content says", "[plan]") {
  const Job job = file_job(1, IndexFile{"bin/report", "", sha256("x")}, memo());
  CHECK(finished_file(job, outcome({FileState::kUnchanged, "python"})).facts.language == "python");
}

TEST_CASE("file job: unchanged bytes of a quarantined file keep verdict and limit", "[plan]") {
  const Job job = file_job(1, IndexFile{"a.py", "", sha256("x"), true}, memo(kCrashedThen));
  const FinishedFile file = finished_file(job, outcome({FileState::kUnchanged}));
  CHECK(file.verdict.state == FileState::kQuarantined);
  CHECK(file.verdict.detail == "as it was told then");
  CHECK(file.verdict.attempts == 3);
  CHECK(file.standing_limit == 99);
  CHECK(file.content_hash == sha256("x"));
}

TEST_CASE("file job: other bytes of a quarantined file, quarantined again -> no limit of before",
          "[plan]") {
  const Job job = file_job(1, IndexFile{"a.py", "", sha256("x"), true}, memo(kCrashedThen));
  Outcome ended;
  ended.end = JobEnd::kQuarantined;
  ended.reason = "timed_out";
  ended.content_hash = sha256("y");
  const FinishedFile file = finished_file(job, ended);
  CHECK(file.verdict.state == FileState::kQuarantined);
  CHECK(file.verdict.reason == "timed_out");
  CHECK_FALSE(file.standing_limit);
  CHECK(file.content_hash == sha256("y"));
  CHECK(file.facts.language == "python");
  CHECK(file.facts.bytes == 50);
}

}  // namespace forkdex
