#include "supervisor/run/phases/commit_phase.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/error/fault.h"
#include "common/jobs/embed_messages.h"
#include "supervisor/terminal/log.h"

namespace forkdex {
namespace {

// Messages of one round of jobs: memory for a few megabytes of hashes, work for minutes.
constexpr std::size_t kRoundMessages = 50'000;

/// What a history that cannot be read costs: the commits, and nothing else.
void warn_of(const Error& error) { log_warning("commits.unreadable", {{"reason", error.text()}}); }

}  // namespace

CommitPhase::CommitPhase(PgConnection& connection, Accounting& accounting, Options options)
    : accounting_(accounting),
      options_(std::move(options)),
      rows_(connection, options_.repository_id) {}

Result<JobQueue> CommitPhase::next_jobs() {
  if (!walked_)
    if (auto walked = walk(); !walked) return walked.error();
  walked_ = true;
  if (options_.model_id == 0 || !options_.keep_going()) return JobQueue();
  return jobs_of_messages();
}

/// BLOCKS until it is done.
Result<void> CommitPhase::walk() {
  for (;;) {
    auto settled = walk_once();
    if (settled && !*settled) continue;  // another shard was quicker: what is left for us?
    if (settled || settled.error().code != ErrorCode::kRepositoryUnusable)
      return settled ? Result<void>() : settled.error();
    warn_of(settled.error());
    return {};
  }
}

/// False when somebody else has walked meanwhile.
Result<bool> CommitPhase::walk_once() {
  const RepositoryInfo& repository = options_.repository;
  if (auto passed = fault::point("commits.walk"); !passed) return passed.error();
  const auto before = rows_.walked();
  if (!before) return before.error();
  const auto head = repository.in_git && repository.head ? object_id(*repository.head)
                                                         : std::optional<ObjectId>();
  if (!head) {
    if (!before->head && !before->any_commits) return true;
    auto cleared = rows_.clear();
    return cleared ? Result<bool>(true) : cleared.error();
  }
  auto history = History::open(repository.location);
  if (!history) return history.error();
  return walk_history(*history, *before, *head);
}

/// The head that the stored last commits are of, where they can be built upon.
std::optional<ObjectId> CommitPhase::old_head(const History& history,
                                              const WalkedHistory& before) const {
  if (options_.full || !before.head || before.scope != history.scope()) return std::nullopt;
  const auto old = object_id(*before.head);
  return old && history.has(*old) ? old : std::nullopt;
}

Result<bool> CommitPhase::walk_history(History& history, const WalkedHistory& before,
                                       const ObjectId& head) {
  const auto old = old_head(history, before);
  if (old == head && before.all_paths_known && !before.unsettled) return true;
  PathSets paths;
  auto listed = rows_.for_each_path(
      old == head, [&](const Sha256& path_hash, bool is_known) { paths.add(path_hash, is_known); });
  if (!listed) return listed.error();
  Stored stored;
  if (!old) {
    auto ids = rows_.stored();
    if (!ids) return ids.error();
    stored.ids = *std::move(ids);
    stored.reached.resize(stored.ids.size());
  }
  History::Visitor visitor;
  visitor.reached = [&](const ObjectId& id) {
    stored.mark(id);
    return true;
  };
  visitor.take = [&](Commit&& commit) { return rows_.add(std::move(commit)); };
  visitor.keep_going = options_.keep_going;
  auto walked = history.walk(head, old, &paths, visitor);
  if (!walked) return walked.error();
  if (auto written = rows_.flush(); !written) return written.error();
  if (!walked->to_the_end) return true;
  Result<std::vector<ObjectId>> gone = stored.gone();
  if (old && (!walked->met_old_head || before.unsettled)) gone = sweep(history, head);
  if (!gone) return gone.error();
  if (!options_.keep_going()) return true;
  if (auto passed = fault::point("commits.settle"); !passed) return passed.error();
  return rows_.settle(
      before, {hex(head), history.scope(),
               [&](PathSets::Path& at) { return paths.next_answer(at); }, *std::move(gone)});
}

/// Finds the stored commits that the head no longer reaches, by their ids alone.
Result<std::vector<ObjectId>> CommitPhase::sweep(History& history, const ObjectId& head) {
  auto ids = rows_.stored();
  if (!ids) return ids;
  Stored stored{*std::move(ids), {}};
  stored.reached.resize(stored.ids.size());
  History::Visitor visitor;
  visitor.reached = [&](const ObjectId& id) {
    stored.mark(id);
    return false;
  };
  visitor.keep_going = options_.keep_going;
  const auto walked = history.walk(head, std::nullopt, nullptr, visitor);
  if (!walked) return walked.error();
  return walked->to_the_end ? stored.gone() : std::vector<ObjectId>();
}

void CommitPhase::Stored::mark(const ObjectId& id) {
  const auto found = std::lower_bound(ids.begin(), ids.end(), id);
  if (found != ids.end() && *found == id)
    reached[static_cast<std::size_t>(found - ids.begin())] = true;
}

std::vector<ObjectId> CommitPhase::Stored::gone() const {
  std::vector<ObjectId> gone;
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (!reached[i]) gone.push_back(ids[i]);
  return gone;
}

Job CommitPhase::job_of(std::vector<Sha256> messages) {
  Job job;
  job.id = jobs_made_++;
  job.kind = JobKind::kEmbedMessages;
  job.label = messages.size() == 1 ? "commit message " + hex(messages.front()).substr(0, 12)
                                   : fmt::format("{} commit messages", messages.size());
  job.payload = encode(EmbedMessages{std::move(messages)});
  return job;
}

Result<JobQueue> CommitPhase::jobs_of_messages() {
  if (!begun_) {
    if (options_.retry_failed || options_.full)
      if (auto forgotten = rows_.forget_refused(options_.model_id); !forgotten)
        return forgotten.error();
    const auto walked = rows_.walked();
    if (!walked) return walked.error();
    if (walked->messages_model == options_.model_id) return JobQueue();
    if (!walked->any_commits) return JobQueue();
    if (auto passed = fault::point("commits.embed"); !passed) return passed.error();
    begun_ = true;
  }
  JobQueue jobs;
  for (const Sha256& suspect : std::exchange(suspects_, {}))
    if (auto added = jobs.add(job_of({suspect})); !added) return added.error();
  if (jobs.empty()) return jobs_of_round();
  return jobs;
}

/// The next messages that this run sees to; none when all were looked at.
Result<std::vector<Sha256>> CommitPhase::messages_of_round() {
  for (;;) {
    auto messages = rows_.without_vector(options_.model_id, last_, kRoundMessages);
    if (!messages || messages->empty()) return messages;
    last_ = messages->back();
    if (options_.shard)
      std::erase_if(*messages,
                    [this](const Sha256& hash) { return !options_.shard->holds(bytes_of(hash)); });
    if (!messages->empty()) return messages;
  }
}

Result<JobQueue> CommitPhase::jobs_of_round() {
  if (auto written = write_refusals(); !written) return written.error();
  JobQueue jobs;
  const auto messages = messages_of_round();
  if (!messages) return messages.error();
  if (messages->empty()) {
    if (auto ended = end_embedding(); !ended) return ended.error();
    return jobs;
  }
  messages_found_ += messages->size();
  for (std::size_t begin = 0; begin < messages->size(); begin += kMaxMessages) {
    const auto from = messages->begin() + static_cast<std::ptrdiff_t>(begin);
    const std::size_t size = std::min(kMaxMessages, messages->size() - begin);
    auto added = jobs.add(job_of({from, from + static_cast<std::ptrdiff_t>(size)}));
    if (!added) return added.error();
  }
  return jobs;
}

Result<void> CommitPhase::finished(unsigned, const Job& job, const Outcome& outcome) {
  accounting_.add_times(outcome.times);
  const auto result = decode<EmbedMessagesResult>(outcome.payload).value_or(EmbedMessagesResult());
  counts_.embedded += result.embedded;
  counts_.reused += result.reused;
  if (outcome.end == JobEnd::kDone) return {};
  const auto [hashes] = decode<EmbedMessages>(job.payload).value_or(EmbedMessages());
  if (hashes.size() > 1) {
    suspects_.insert(suspects_.end(), hashes.begin(), hashes.end());
    return {};
  }
  if (outcome.end == JobEnd::kQuarantined) {
    counts_.refused += hashes.size();
    for (const Sha256& hash : hashes) refusals_.push_back({hash, outcome.reason, outcome.detail});
  } else {
    counts_.failed += hashes.size();
  }
  log_warning("messages.not_embedded",
              {{"what", job.label}, {"reason", outcome.reason}, {"detail", outcome.detail}});
  return {};
}

Result<void> CommitPhase::write_refusals() {
  for (const Refusal& refusal : refusals_)
    if (auto written =
            rows_.refuse(options_.model_id, refusal.hash, refusal.reason, refusal.detail);
        !written)
      return written;
  refusals_.clear();
  return {};
}

Result<void> CommitPhase::end_embedding() {
  if (auto passed = fault::point("commits.done"); !passed) return passed;
  if (counts_.failed > 0) return {};
  if (options_.shard) {
    // Whoever is last sees that nothing is left.
    const auto left = rows_.without_vector(options_.model_id, std::nullopt, 1);
    if (!left) return left.error();
    if (!left->empty()) return {};
  }
  return rows_.set_messages_model(options_.model_id);
}

std::string CommitPhase::progress() const {
  if (messages_found_ == 0) return "commits";
  return fmt::format("commits, {} of {} messages", counts_.embedded + counts_.reused,
                     messages_found_);
}

void CommitPhase::contribute(RunFacts& facts) const {
  facts.commits = {rows_.written(), counts_.embedded, counts_.failed, counts_.refused};
  facts.seconds.commits = seconds_since(started_);
}

}  // namespace forkdex
