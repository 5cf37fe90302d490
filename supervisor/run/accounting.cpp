#include "supervisor/run/accounting.h"

#include <utility>

#include <fmt/format.h>

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
  count(verdict, language, chunks);
  if (is_problem(verdict.state)) keep({escape_path(path), verdict});
}

void Accounting::record(const FinishedFile& file) {
  count(file.verdict, file.facts.language, file.chunks);
  done_bytes_ += file.cost;
  chunks_written_ += file.result.chunks;
  add_times(file.times);
  if (is_problem(file.verdict.state)) keep({escape_path(file.path), file.verdict});
}

void Accounting::expect_texts(std::uint64_t texts, std::uint64_t tokens) {
  expected_texts_ += texts;
  expected_tokens_ += tokens;
}

void Accounting::finish_texts(std::uint64_t texts, std::uint64_t tokens) {
  done_texts_ += texts;
  done_tokens_ += tokens;
}

void Accounting::count(const Verdict& verdict, std::string_view language, std::uint64_t chunks) {
  const FileState state = verdict.state;
  ++states_[static_cast<std::size_t>(state)];
  if (state != FileState::kRemoved) ++done_;
  if (verdict.reason == kExcluded) ++excluded_;
  if (is_searchable(state) && verdict.reason == kPartlyParsed) ++partly_parsed_;
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
