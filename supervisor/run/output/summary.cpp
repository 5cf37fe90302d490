#include "supervisor/run/output/summary.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "common/base/terminal_text.h"
#include "supervisor/installation/program_name.h"

namespace forkdex {
namespace {

std::string files_line(const Accounting& accounting) {
  const std::uint64_t indexed = accounting.in(FileState::kIndexed);
  const std::uint64_t unchanged = accounting.in(FileState::kUnchanged);
  const std::uint64_t empty = accounting.in(FileState::kEmpty);
  std::string line = fmt::format(
      "{} total, {} succeeded ({} indexed, {} unchanged, {} empty), {} skipped, {} failed",
      accounting.total(), indexed + unchanged + empty, indexed, unchanged, empty,
      accounting.in(FileState::kSkipped), accounting.not_indexed());
  if (const std::uint64_t quarantined = accounting.in(FileState::kQuarantined))
    line += fmt::format(" ({} quarantined)", quarantined);
  if (const std::uint64_t removed = accounting.in(FileState::kRemoved))
    line += fmt::format(", {} removed", removed);
  if (const std::uint64_t left = accounting.total() - accounting.done())
    line += fmt::format(", {} not reached", left);
  return line;
}

/// "4100 of 13252 embedded, 9152 missing": words find all of them.
std::string texts_line(const RunFacts::Texts& texts, const TextCounts& counts) {
  std::string line = fmt::format(
      "{} of {} embedded", counts.total - std::min(counts.total, counts.missing + counts.refused),
      counts.total);
  if (counts.missing > 0) line += fmt::format(", {} missing", counts.missing);
  if (texts.failed > 0) line += fmt::format(" ({} failed)", texts.failed);
  if (counts.refused > 0) line += fmt::format(", {} refused", counts.refused);
  return line;
}

std::string commits_line(const RunFacts::Commits& commits) {
  std::string line =
      fmt::format("{} written, {} messages embedded", commits.written, commits.embedded);
  if (commits.failed > 0) line += fmt::format(", {} failed", commits.failed);
  if (commits.refused > 0) line += fmt::format(", {} refused", commits.refused);
  return line;
}

std::string seconds_line(const RunFacts::Seconds& seconds) {
  const std::array<std::pair<std::string_view, double>, 7> phases = {
      {{"scan", seconds.scan},
       {"files", seconds.files},
       {"words", seconds.words},
       {"graph", seconds.graph},
       {"commits", seconds.commits},
       {"texts", seconds.texts},
       {"index build", seconds.index_build}}};
  std::string line = fmt::format("{:.2f} total", seconds.total);
  for (const auto& [phase, time] : phases)
    if (time > 0) line += fmt::format(", {} {:.2f}", phase, time);
  return line;
}

void append_problems(std::string& text, const RunFacts& facts, const Accounting& accounting) {
  const std::vector<Problem>& problems = accounting.problems();
  for (const Problem& problem : problems) {
    fmt::format_to(std::back_inserter(text), "{} {}: {}", name(problem.verdict.state),
                   printable(problem.path), problem.verdict.reason);
    if (!problem.verdict.detail.empty())
      fmt::format_to(std::back_inserter(text), " ({})", printable(problem.verdict.detail));
    text += '\n';
  }
  if (accounting.not_indexed() > problems.size())
    fmt::format_to(std::back_inserter(text), "and {} more: {} failures {}\n",
                   accounting.not_indexed() - problems.size(), program_name(),
                   printable(facts.repository));
}

}  // namespace

namespace {

std::string model_text(const ModelFolder& model) {
  return fmt::format("{} ({} dimensions)", printable(model.name), model.dimension);
}

/// "NAME (384 dimensions)", or one for each view where they differ.
std::string models_text(const ViewModels& models) {
  if (!models.text) return model_text(*models.code) + " for code only";
  if (!models.code) return model_text(*models.text) + " for text only";
  if (is_one_model(models)) return model_text(*models.code);
  return fmt::format("{} for code, {} for text", model_text(*models.code),
                     model_text(*models.text));
}

}  // namespace

std::string opening_text(const RunOpening& run, Precision precision, Verbosity verbosity) {
  if (verbosity == Verbosity::kQuiet) return "";
  const std::string repository = printable(run.repository);
  std::string text = fmt::format("{}: {} into {}, {} worker{}, ", repository, printable(run.root),
                                 run.database, run.workers, run.workers == 1 ? "" : "s");
  text += run.embeds
              ? fmt::format("{}, {}\n", models_text(run.models), name_of(resolved(precision)))
              : "words only\n";
  if (!run.moved_from.empty())
    text += fmt::format("{}: moved here from {}\n", repository, printable(run.moved_from));
  return text;
}

std::string summary_text(const RunFacts& facts, const Accounting& accounting, Verbosity verbosity) {
  std::string text;
  if (verbosity != Verbosity::kQuiet) {
    text = fmt::format(
        "{}: {}\n"
        "  files    {}\n"
        "  chunks   {} written, {} embedded, {} reused, {} tokens\n",
        printable(facts.repository), name(facts.status), files_line(accounting),
        accounting.chunks_written(), facts.texts.embedded, facts.texts.reused, facts.texts.tokens);
    if (facts.texts.counts)
      text += fmt::format("  texts    {}\n", texts_line(facts.texts, *facts.texts.counts));
    if (facts.texts.unindexed)
      text += fmt::format(
          "  vectors  have no index yet, so a search compares each: {} database index, for the "
          "same database, builds one\n",
          program_name());
    if (accounting.partly_parsed() > 0)
      text += fmt::format("  parsed   in part only: {} of them (reason partly_parsed)\n",
                          accounting.partly_parsed());
    if (facts.commits) text += fmt::format("  commits  {}\n", commits_line(*facts.commits));
    text += fmt::format("  seconds  {}\n", seconds_line(facts.seconds));
  }
  append_problems(text, facts, accounting);
  if (facts.texts.counts && facts.texts.counts->refused > 0)
    text += fmt::format("{} texts have no vector because they end every worker: {} failures {}\n",
                        facts.texts.counts->refused, program_name(), printable(facts.repository));
  return text;
}

}  // namespace forkdex
