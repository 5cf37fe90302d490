#include "supervisor/run/accounting.h"

#include <utility>

#include <fmt/format.h>

#include "common/base/languages.h"
#include "common/base/path_text.h"

namespace forkdex {
namespace {

bool is_problem(FileState state) {
  return state == FileState::kFailed || state == FileState::kQuarantined;
}

bool is_searchable(FileState state) {
  return state == FileState::kIndexed || state == FileState::kUnchanged ||
         state == FileState::kEmpty;
}

}  // namespace

void Accounting::expect(std::uint64_t files, std::uint64_t bytes) {
  total_ += files;
  expected_bytes_ += bytes;
}

void Accounting::record(std::string_view path, const Verdict& verdict, std::string_view language,
                        std::uint32_t chunks) {
  count(verdict.state, language, chunks);
  if (verdict.reason == kExcluded) ++excluded_;
  if (is_problem(verdict.state)) keep({escape_path(path), verdict});
}

void Accounting::add_times(const Outcome& outcome) {
  stages_.read += outcome.read;
  stages_.parse += outcome.parse;
  stages_.embed += outcome.embed;
  stages_.store += outcome.store;
}

void Accounting::record(const Job& job, const Outcome& outcome) {
  if (outcome.state == FileState::kUnchanged)  // found so by its bytes, before it was parsed
    count(outcome.state, language_of(job.path), job.known_chunks);
  else
    count(outcome.state, outcome.language, outcome.chunks);
  done_bytes_ += job.signature.size;
  chunks_.written += outcome.chunks;
  chunks_.embedded += outcome.embedded;
  chunks_.reused += outcome.reused;
  chunks_.tokens += outcome.tokens;
  add_times(outcome);
  if (is_problem(outcome.state))
    keep({escape_path(job.path), {outcome.state, outcome.reason, outcome.detail, job.attempt}});
}

void Accounting::count(FileState state, std::string_view language, std::uint64_t chunks) {
  ++states_[static_cast<std::size_t>(state)];
  if (state != FileState::kRemoved) ++done_;
  if (!is_searchable(state) || language.empty()) return;
  LanguageCounts& counts = languages_.try_emplace(std::string(language)).first->second;
  ++counts.files;
  counts.chunks += chunks;
}

void Accounting::keep(Problem problem) {
  if (problems_.size() < kMostProblems) problems_.push_back(std::move(problem));
}

Result<void> Accounting::check_complete() const {
  if (done_ == total_) return {};
  return Error{ErrorCode::kBug,
               done_ < total_
                   ? fmt::format("{} of {} files have no state", total_ - done_, total_)
                   : fmt::format("{} files have a state but {} were found", done_, total_),
               "accounting"};
}

}  // namespace forkdex
