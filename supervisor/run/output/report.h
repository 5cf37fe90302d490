#pragma once

// What a run leaves to read: the JSON object of --report and of runs.report. Its keys are a
// contract with scripts (docs/database.md); figures of parts not built yet are zero.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "common/error/result.h"
#include "supervisor/database/texts.h"
#include "supervisor/run/accounting.h"
#include "supervisor/run/output/problem_list.h"

namespace forkdex {

enum class RunStatus : std::uint8_t {
  kComplete,     ///< every file was seen to, and no text is without a vector but refused ones
  kPartial,      ///< something is left: vectors were not asked for, the database was lost, …
  kInterrupted,  ///< by INT or TERM
};
std::string_view name(RunStatus status);

/// What the counts of files do not say.
struct RunFacts {
  std::string repository;
  std::string root;                 ///< raw bytes
  std::optional<std::string> head;  ///< commit id
  RunStatus status = RunStatus::kComplete;

  struct Workers {
    std::uint64_t count = 0;  ///< at once
    std::uint64_t started = 0;
    std::uint64_t crashed = 0;
    std::uint64_t out_of_memory = 0;
    std::uint64_t timed_out = 0;
    std::uint64_t recycled = 0;
  } workers;

  struct Seconds {  ///< wall, by phase; worker_idle summed over workers
    double total = 0;
    double scan = 0;
    double files = 0;
    double words = 0;
    double graph = 0;
    double commits = 0;
    double texts = 0;
    double index_build = 0;
    double worker_idle = 0;
  } seconds;

  struct Texts {  ///< that models embed: sources and text views of chunks, commit messages
    std::optional<TextCounts>
        counts;                       ///< of the run's part of the repository; nothing: not counted
    std::uint64_t failed = 0;         ///< of those missing: were tried
    std::uint64_t chunks_failed = 0;  ///< texts of chunks that failed or are refused
    // Of chunks alone, in this run.
    std::uint64_t embedded = 0;  ///< went through the model
    std::uint64_t reused = 0;    ///< of chunks that were written; had their vector already
    std::uint64_t tokens = 0;
    bool unindexed = false;  ///< the vectors are many, and have no index yet
  } texts;

  struct Commits {
    std::uint64_t written = 0;   ///< rows that are new, or changed
    std::uint64_t embedded = 0;  ///< messages that went through the model
    std::uint64_t failed = 0;    ///< messages without a vector, which the next run tries again
    std::uint64_t refused = 0;   ///< messages without a vector, because they end every worker
  };
  std::optional<Commits> commits;  ///< nothing where they were left out

  struct Memory {
    std::uint64_t supervisor_peak_rss_bytes = 0;
    std::uint64_t workers_peak_pss_bytes = 0;  ///< peak of the sum
  } memory;
};

/// The report but for its problems. Every string in it is valid UTF-8.
nlohmann::ordered_json report_json(const RunFacts& facts, const Accounting& accounting);

/// The report that goes into the run's row: one line, with the first problems.
std::string report_for_row(const nlohmann::ordered_json& report, const ProblemList& problems);

/// A text that is never in memory as a whole: gives it to its argument piece by piece.
using TextPieces =
    std::function<Result<void>(const std::function<Result<void>(std::string_view)>& piece)>;

/// The report with all its problems, for --report: two spaces an indent, a line a problem, newline
/// at the end. REQUIRES that `problems` outlives it.
TextPieces report_pieces(const nlohmann::ordered_json& report, const ProblemList& problems);

/// Whether write_report can be expected to succeed, so that a run need not end to find out: the
/// folder exists and is writable, the destination is no folder; "" and "-" are fine. Writes
/// nothing. ERRORS kPathUnusable.
Result<void> check_report_destination(const std::string& destination);

/// Writes `pieces` to the file `destination` by a temporary file beside it and a rename, so that no
/// reader sees half of it; "-" is standard output. CRASH leaves the old file and, at worst, a
/// temporary one named after it. ERRORS kDiskFull; kPathUnusable for every other reason; those of
/// `pieces`.
Result<void> write_report(const std::string& destination, const TextPieces& pieces);

}  // namespace forkdex
