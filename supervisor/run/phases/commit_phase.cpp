#include "supervisor/run/phases/commit_phase.h"

#include <algorithm>
#include <utility>

#include "common/base/clock.h"
#include "common/error/fault.h"
#include "supervisor/terminal/log.h"

namespace forkdex {
namespace {

/// What a history that cannot be read costs: the commits, and nothing else.
void warn_of(const Error& error) { log_warning("commits.unreadable", {{"reason", error.text()}}); }

}  // namespace

CommitPhase::CommitPhase(PgConnection& connection, Options options)
    : options_(std::move(options)), rows_(connection, options_.repository_id) {}

Result<JobQueue> CommitPhase::next_jobs() {
  if (!walked_)
    if (auto walked = walk(); !walked) return walked.error();
  walked_ = true;
  return JobQueue();
}

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

void CommitPhase::contribute(RunFacts& facts) const {
  facts.commits.emplace().written = rows_.written();
  facts.seconds.commits = seconds_since(started_);
}

}  // namespace forkdex
