#pragma once

// Counts what became of every file of a run, and how far its texts are embedded. A file is expected
// once and recorded once, by the planner (nothing had to be done) or from a worker's outcome; at
// the end the two must be equal. One thread; memory does not grow with the number of files. Killed
// with the supervisor, nothing is lost: the rows of `files` hold the same states.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/error/result.h"
#include "common/jobs/file_facts.h"
#include "common/jobs/job.h"
#include "supervisor/run/file_job.h"

namespace forkdex {

/// A file that could not be indexed.
struct Problem {
  std::string path;  ///< escaped as rows and reports have it
  Verdict verdict;
};

/// What is searchable of one language after the run.
struct LanguageCounts {
  std::uint64_t files = 0;  ///< indexed, unchanged or empty
  std::uint64_t chunks = 0;
};

class Accounting {
 public:
  /// Problems that are kept for the summary.
  static constexpr std::size_t kMostProblems = 10;

  /// Adds `files` to the number found; `bytes` is what workers will read of them.
  void expect(std::uint64_t files, std::uint64_t bytes = 0);

  /// Records a file that no worker sees. `chunks` are the rows that an unchanged one has; a removed
  /// one was never expected.
  void record(std::string_view path, const Verdict& verdict, std::string_view language,
              std::uint32_t chunks);

  /// Records a file that a worker had, once, however often it was tried.
  void record(const FinishedFile& file);

  /// Adds the CPU time of a job that is no file.
  void add_times(const StageTimes& times) { stages_ += times; }

  /// Adds `texts` to the number of those to be embedded; `tokens` is about what they have together.
  void expect_texts(std::uint64_t texts, std::uint64_t tokens);
  /// Records that so many of them were seen to, whatever came of it.
  void finish_texts(std::uint64_t texts, std::uint64_t tokens);

  std::uint64_t total() const { return total_; }
  /// Files that have their state.
  std::uint64_t done() const { return done_; }
  std::uint64_t in(FileState state) const { return states_[static_cast<std::size_t>(state)]; }
  /// Failed and quarantined files.
  std::uint64_t not_indexed() const { return in(FileState::kFailed) + in(FileState::kQuarantined); }
  /// Searchable files of which much could not be parsed.
  std::uint64_t partly_parsed() const { return partly_parsed_; }
  /// Files that the user's globs and languages left out.
  std::uint64_t excluded() const { return excluded_; }
  std::uint64_t expected_bytes() const { return expected_bytes_; }
  std::uint64_t done_bytes() const { return done_bytes_; }

  std::uint64_t expected_texts() const { return expected_texts_; }
  std::uint64_t done_texts() const { return done_texts_; }
  std::uint64_t expected_tokens() const { return expected_tokens_; }
  std::uint64_t done_tokens() const { return done_tokens_; }
  /// Rows of chunks.
  std::uint64_t chunks_written() const { return chunks_written_; }
  /// Worker CPU time, summed over all incarnations.
  const StageTimes& stages() const { return stages_; }
  const std::map<std::string, LanguageCounts, std::less<>>& languages() const { return languages_; }
  /// The first kMostProblems of not_indexed(); all of them stand in the database.
  const std::vector<Problem>& problems() const { return problems_; }

  /// ERRORS kBug when a file has no state or one has two.
  Result<void> check_complete() const;

 private:
  void count(const Verdict& verdict, std::string_view language, std::uint64_t chunks);
  void keep(Problem problem);

  std::uint64_t total_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t excluded_ = 0;
  std::uint64_t partly_parsed_ = 0;
  std::uint64_t expected_bytes_ = 0;
  std::uint64_t done_bytes_ = 0;
  std::array<std::uint64_t, kFileStateCount> states_{};
  std::uint64_t chunks_written_ = 0;
  std::uint64_t expected_texts_ = 0;
  std::uint64_t done_texts_ = 0;
  std::uint64_t expected_tokens_ = 0;
  std::uint64_t done_tokens_ = 0;
  StageTimes stages_;
  std::map<std::string, LanguageCounts, std::less<>> languages_;
  std::vector<Problem> problems_;
};

}  // namespace forkdex
