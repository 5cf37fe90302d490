#include "supervisor/run/phases/texts_phase.h"

#include <algorithm>

#include "common/base/clock.h"
#include "common/error/fault.h"
#include "common/pg/retry.h"
#include "supervisor/fleet/blame.h"
#include "supervisor/terminal/log.h"

namespace forkdex {
namespace {

using Clock = std::chrono::steady_clock;

// How far the repository's row may be behind. Short runs write it at the end alone.
constexpr std::chrono::seconds kBetweenNotes{2};
// So many are done within seconds.
constexpr std::size_t kFewJobs = 16;

}  // namespace

Result<JobQueue> TextsPhase::next_jobs() {
  if (!planned_) {
    auto jobs = plan();
    if (!jobs) return jobs;
    planned_ = true;
    noted_at_ = Clock::now();
    if (!jobs->empty()) return jobs;
  }
  if (!suspects_.empty()) return retry_alone();
  if (!settled_)
    if (auto settled = settle(); !settled) return settled.error();
  settled_ = true;
  seconds_ = seconds_since(started_);
  return JobQueue();
}

Result<JobQueue> TextsPhase::plan() {
  if (auto passed = fault::point("texts.plan"); !passed) return passed.error();
  // The run has lifted refusals before; those of texts that its files have brought back are left.
  if (options_.embeds)
    if (auto lifted = lift_refusals(); !lifted) return lifted.error();
  const auto known = ledger_.known_texts();
  if (!known) return known.error();
  commit_batches_ = known->commit_batches;
  const bool done = known->chunks_done && known->messages_done;
  changes_ = !done || !known->counts || known->counts->missing > 0;
  if (done && is_whole() && known->counts) total_ = known->counts->total;
  if (!options_.embeds) {
    if (done) missing_ = 0;
    return JobQueue();
  }
  TextScope scope = options_.scope;
  scope.after_chunk = known->done_up_to_chunk;
  if (known->chunks_done) scope.model_ids = {};
  if (known->messages_done) scope.message_model_id = 0;
  return list(scope);
}

Result<void> TextsPhase::lift_refusals() {
  return retried(connection_, [this] {
    return forget_refused_texts(connection_, options_.scope, options_.limits);
  });
}

Result<JobQueue> TextsPhase::list(const TextScope& scope) {
  TextJobs jobs(options_.sizes, jobs_made_);
  Counts chunks;
  Counts messages;
  Result<void> added;
  const auto listed = for_each_missing_text(connection_, scope, [&](const MissingText& text) {
    ++(text.source == TextSource::kMessage ? messages : chunks).listed;
    if (added) added = jobs.add(text);
  });
  if (!listed) return listed.error();
  if (!added) return added.error();
  auto queue = jobs.finish();
  if (!queue) return queue;
  // No worker waits yet. Where few texts are new, all are counted at the end.
  if (queue->size() > kFewJobs)
    if (auto counted = count(); !counted) return counted.error();
  chunks_ = chunks;
  messages_ = messages;
  jobs_made_ += queue->size();
  accounting_.expect_texts(chunks.listed + messages.listed, jobs.tokens());
  return queue;
}

/// Jobs of one text each, of what did not succeed in company.
Result<JobQueue> TextsPhase::retry_alone() {
  JobQueue jobs;
  for (const Suspect& suspect : std::exchange(suspects_, {}))
    if (auto added =
            jobs.add(text_job(jobs_made_++, {suspect.source, {suspect.hash}}, suspect.tokens));
        !added)
      return added.error();
  return jobs;
}

Result<void> TextsPhase::finished(unsigned, const Job& job, const Outcome& outcome) {
  accounting_.add_times(outcome.times);
  const EmbedTexts texts = embed_texts(job.payload).value_or(EmbedTexts());
  const auto result = decode<EmbedTextsResult>(outcome.payload).value_or(EmbedTextsResult());
  if (outcome.end != JobEnd::kDone) {
    note_failure(texts, job, outcome);
    return {};
  }
  Counts& counts = counts_of(texts.source);
  const std::uint64_t embedded = std::min<std::uint64_t>(result.embedded, texts.hashes.size());
  counts.embedded += embedded;
  counts.settled += texts.hashes.size() - embedded;
  if (texts.source != TextSource::kMessage) tokens_ += result.tokens;
  accounting_.finish_texts(texts.hashes.size(), job.cost);
  return {};
}

/// The limit of this run that a text was refused by, where a higher one may let it pass.
std::uint64_t TextsPhase::limit_behind(std::string_view reason) const {
  if (reason == name(Fault::kTimedOut)) return options_.limits.seconds;
  return reason == name(Fault::kOutOfMemory) ? options_.limits.memory_bytes : 0;
}

void TextsPhase::note_failure(const EmbedTexts& texts, const Job& job, const Outcome& outcome) {
  if (texts.hashes.size() > 1) {
    const std::size_t tokens = job.cost / texts.hashes.size();
    for (const Sha256& hash : texts.hashes) suspects_.push_back({texts.source, hash, tokens});
    return;
  }
  Counts& counts = counts_of(texts.source);
  accounting_.finish_texts(texts.hashes.size(), job.cost);
  if (outcome.end == JobEnd::kQuarantined) {
    counts.refused += texts.hashes.size();
    for (const Sha256& hash : texts.hashes)
      refusals_.push_back({texts.source, hash, outcome.reason, outcome.detail,
                           limit_behind(outcome.reason), job.attempt});
  } else {
    counts.failed += texts.hashes.size();
  }
  log_warning("texts.not_embedded",
              {{"what", job.label}, {"reason", outcome.reason}, {"detail", outcome.detail}});
}

Result<void> TextsPhase::write_refusals() {
  for (const TextRefusal& refusal : refusals_)
    if (auto written = refuse_text(connection_, options_.scope.model_id(refusal.source), refusal);
        !written)
      return written;
  refusals_.clear();
  return {};
}

/// Everything was tried: says in the repository's row how far that has come.
Result<void> TextsPhase::settle() {
  auto written = retried(connection_, [this] { return write_refusals(); });
  if (!written) return written;
  if (auto passed = fault::point("texts.done"); !passed) return passed;
  if (auto counted = count(); !counted) return counted;
  if (!changes_) return {};  // all is noted
  const auto all = counts_of_repository();
  if (!all) return all.error();
  Ledger::TextsDone done;
  done.commit_batches = commit_batches_;
  const auto messages = messages_done();
  if (!messages) return messages.error();
  done.messages = *messages;
  // A shard that goes on beside this one may be storing chunks.
  if (all->missing == 0)
    done.chunks = options_.scope.shard ? std::optional<bool>() : true;
  else if (chunks_.left() > 0)
    done.chunks = false;
  else if (is_whole() && options_.embeds)
    done.chunks = true;
  return retried(connection_, [&] { return ledger_.note_texts(*all, done); });
}

Result<TextCounts> TextsPhase::counts_of_repository() {
  if (is_whole()) return TextCounts{total_.value_or(0), missing(), refused_};
  TextScope all = options_.scope;
  all.shard.reset();
  all.path_hashes.reset();
  return count_texts(connection_, all);
}

/// Whether every message has its vector now; nothing where this run cannot say it. Of several
/// shards whoever is last sees it.
Result<std::optional<bool>> TextsPhase::messages_done() {
  if (!options_.embeds) return std::optional<bool>();
  if (messages_.left() > 0) return std::optional(false);
  if (!options_.scope.shard) return std::optional(true);
  TextScope all;
  all.repository_id = options_.scope.repository_id;
  all.message_model_id = options_.scope.message_model_id;
  const auto missing = count_missing_texts(connection_, all);
  if (!missing) return missing.error();
  return *missing == 0 ? std::optional(true) : std::nullopt;
}

Result<void> TextsPhase::count() {
  const auto refused = count_refused_texts(connection_, options_.scope);
  if (!refused) return refused.error();
  refused_ = *refused;
  TextScope chunks = options_.scope;
  chunks.message_model_id = 0;
  const auto of_chunks = count_refused_texts(connection_, chunks);
  if (!of_chunks) return of_chunks.error();
  refused_of_chunks_ = *of_chunks;
  if (!total_) {
    const auto total = count_all_texts(connection_, options_.scope);
    if (!total) return total.error();
    total_ = *total;
  }
  if (options_.embeds || missing_) return {};
  const auto missing = count_missing_texts(connection_, options_.scope);
  if (!missing) return missing.error();
  missing_ = *missing;
  return {};
}

std::uint64_t TextsPhase::missing() const {
  return missing_.value_or(chunks_.left() + messages_.left());
}

Result<void> TextsPhase::tick() {
  // At once: a run that is ended would try them again.
  auto written = retried(connection_, [this] { return write_refusals(); });
  if (!written) return written;
  if (!noted_at_ || Clock::now() - *noted_at_ < kBetweenNotes) return {};
  noted_at_ = Clock::now();
  if (!is_whole() || !total_) return {};
  return retried(connection_, [this] {
    return ledger_.note_texts(TextCounts{*total_, missing(), refused_}, {});
  });
}

void TextsPhase::contribute(RunFacts& facts) const {
  const PerView<std::int64_t>& models = options_.scope.model_ids;
  const std::uint64_t views = (models.code != 0 ? 1U : 0U) + (models.text != 0 ? 1U : 0U);
  const std::uint64_t texts = options_.embeds ? views * accounting_.chunks_written() : 0;
  const std::uint64_t fresh = chunks_.listed - chunks_.settled;
  if (settled_) facts.texts.counts = TextCounts{total_.value_or(0), missing(), refused_};
  facts.texts.failed = chunks_.failed + messages_.failed;
  facts.texts.chunks_failed = chunks_.failed + refused_of_chunks_;
  facts.texts.embedded = chunks_.embedded;
  facts.texts.reused = texts - std::min(texts, fresh);
  facts.texts.tokens = tokens_;
  if (facts.commits) {
    facts.commits->embedded = messages_.embedded;
    facts.commits->failed = messages_.failed;
    facts.commits->refused = messages_.refused;
  }
  facts.seconds.texts = settled_ ? seconds_ : seconds_since(started_);
}

}  // namespace forkdex
