#include "supervisor/repository/history/history_walk.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <git2.h>

#include "common/base/hash.h"

namespace forkdex {
namespace {

constexpr std::size_t kMostFileBytes = std::size_t{1} << 20;  // of one commit's paths together

Error unreadable(const ObjectId& id, std::string_view what) {
  return {ErrorCode::kRepositoryUnusable,
          fmt::format("a commit of its history cannot be read: {}", what), hex(id)};
}

}  // namespace

HistoryWalk::HistoryWalk(git_repository* repository, std::string prefix, const CutOff& cut_off,
                         PathSets* paths, const History::Visitor& visitor)
    : repository_(repository),
      whole_repository_(prefix.empty()),
      cut_off_(cut_off),
      paths_(paths),
      visitor_(visitor),
      trees_(repository, std::move(prefix)) {}

HistoryWalk::~HistoryWalk() { git_odb_free(objects_); }

Result<History::Walked> HistoryWalk::run(const ObjectId& head,
                                         const std::optional<ObjectId>& old_head) {
  old_head_ = old_head;
  if (git_repository_odb(&objects_, repository_) != 0)
    return unreadable(head, git_error_last() ? git_error_last()->message : "no reason given");
  if (old_head) {
    if (auto delivered = deliver(*old_head, {.old = true}); !delivered) return delivered.error();
  } else {
    auto counted = count_children(head);
    if (!counted) return counted.error();
    if (!*counted) return walked_;
  }
  if (auto started = start(head); !started) return started.error();
  while (open_ > 0) {
    if (!visitor_.keep_going()) return walked_;
    const ObjectId id = turns_.top().id;
    turns_.pop();
    const auto next = waiting_.extract(id);
    if (next.empty()) continue;
    if (matters(next.mapped().delivery)) --open_;
    ++walked_.commits;
    if (auto visited = visit(id, next.mapped()); !visited) return visited.error();
  }
  walked_.to_the_end = true;
  return walked_;
}

/// Counts the children of every commit that `head` reaches; false if it was told to stop. A commit
/// is then visited after all of them, and so once: by dates alone, a set of paths that a side
/// branch with a wrong date brings along goes all the way down the trunk again. Where an old head
/// is known the walk is short, and reading everything below it would be what makes it long.
Result<bool> HistoryWalk::count_children(const ObjectId& head) {
  std::vector<ObjectId> unread = {head};
  seen_.try_emplace(head);
  while (!unread.empty()) {
    if (!visitor_.keep_going()) return false;
    const ObjectId id = unread.back();
    unread.pop_back();
    auto links = read_links(id);
    if (!links) return links.error();
    for (const ObjectId& parent : links->parents) {
      const auto [seen, is_new] = seen_.try_emplace(parent);
      ++seen->second.children;
      if (is_new) unread.push_back(parent);
    }
  }
  return true;
}

/// Sets the paths off at the head; those of unknown history only if the head has them, because
/// nothing else would end the search for them.
Result<void> HistoryWalk::start(const ObjectId& head) {
  Sets sets = kNoSets;
  if (paths_) {
    const PathSets::Start start = paths_->start(old_head_.has_value());
    sets[0] = start.known;
    if (start.others) {
      auto links = read_links(head);
      if (!links) return links.error();
      const auto compared = trees_.compare(links->tree, {}, TreeComparison::Against::kEveryParent,
                                           [&](const TreeDifference& file) {
                                             const auto path = paths_->find(sha256(file.path));
                                             if (path && paths_->set_of(*path) == PathSets::kNoSet)
                                               paths_->move(*path, sets[1]);
                                           });
      if (!compared) return compared;
    }
  }
  return deliver(head, {.fresh = true, .old = false, .sets = sets});
}

bool HistoryWalk::any_paths(const Sets& sets) const {
  return paths_ && (paths_->size(sets[0]) > 0 || paths_->size(sets[1]) > 0);
}

/// Whether the walk must go on for it.
bool HistoryWalk::matters(const Delivery& delivery) const {
  return (delivery.fresh && !delivery.old) || any_paths(delivery.sets);
}

/// Adds `delivery` to what waits at the commit `id`, which gets its turn once no child is left that
/// has yet to deliver.
Result<void> HistoryWalk::deliver(const ObjectId& id, Delivery delivery) {
  if (old_head_ && id == *old_head_) keep_at_old_head(delivery);
  const bool is_due = note_arrival(id, delivery);
  const bool is_news = delivery.fresh || delivery.old || any_paths(delivery.sets);
  const auto waiting = waiting_for(id, is_news);
  if (!waiting) return waiting.error();
  if (!*waiting) return {};
  if (is_due && !(*waiting)->has_turn) {
    turns_.push({(*waiting)->links.committed_at, turns_given_++, id});
    (*waiting)->has_turn = true;
  }
  if (is_news) add((*waiting)->delivery, delivery);
  return {};
}

/// At the old head, the paths that keep their answer there are done.
void HistoryWalk::keep_at_old_head(Delivery& delivery) {
  walked_.met_old_head = walked_.met_old_head || delivery.fresh;
  if (paths_) paths_->keep(delivery.sets[0]);
  delivery.sets[0] = PathSets::kNoSet;
}

/// Notes by which heads `id` was reached, and leaves in `delivery` what is new. True when every
/// child of `id` has delivered.
bool HistoryWalk::note_arrival(const ObjectId& id, Delivery& delivery) {
  // A set that all of its paths have left is dropped.
  for (PathSets::Set& set : delivery.sets)
    if (paths_ && paths_->size(set) == 0) set = PathSets::kNoSet;
  Seen& seen = seen_[id];
  delivery.fresh = delivery.fresh && !seen.fresh && !seen.old;
  delivery.old = delivery.old && !seen.old;
  if (delivery.fresh) seen.fresh = 1;
  if (delivery.old) seen.old = 1;
  if (seen.children > 0) --seen.children;
  return seen.children == 0;
}

/// The entry of `id` among the commits that wait; with `is_news` it is made where there is none.
/// Null where there is none otherwise.
Result<HistoryWalk::Waiting*> HistoryWalk::waiting_for(const ObjectId& id, bool is_news) {
  const auto found = waiting_.find(id);
  if (found != waiting_.end()) return &found->second;
  if (!is_news) return static_cast<Waiting*>(nullptr);
  auto links = read_links(id);
  if (!links) return links.error();
  return &waiting_.emplace(id, Waiting{*std::move(links), {}}).first->second;
}

/// Adds `delivery` to `all` of a commit that waits, and counts those for which the walk goes on.
void HistoryWalk::add(Delivery& all, const Delivery& delivery) {
  if (matters(all)) --open_;
  all.fresh = all.fresh || delivery.fresh;
  all.old = all.old || delivery.old;
  for (std::size_t i = 0; i < all.sets.size(); ++i)
    if (paths_) all.sets[i] = paths_->join(all.sets[i], delivery.sets[i]);
  if (matters(all)) ++open_;
}

Result<void> HistoryWalk::visit(const ObjectId& id, const Waiting& waiting) {
  const CommitLinks& links = waiting.links;
  const Delivery& delivery = waiting.delivery;
  const bool fresh = delivery.fresh && !delivery.old;
  const bool wanted = fresh && visitor_.reached(id);
  Sets sets = delivery.sets;
  std::vector<Sets> of_parents(links.parents.size(), kNoSets);
  Commit commit;
  if (wanted || any_paths(sets))
    if (auto compared = compare(id, links, wanted ? &commit : nullptr, sets, of_parents); !compared)
      return compared;
  if (wanted)
    if (auto taken = hand_over(id, std::move(commit)); !taken) return taken;
  for (std::size_t i = 0; i < links.parents.size(); ++i)
    if (auto delivered = deliver(links.parents[i], {fresh, delivery.old, of_parents[i]});
        !delivered)
      return delivered;
  return {};
}

/// Lists the files that the commit changes, and sends the paths on to the parents.
Result<void> HistoryWalk::compare(const ObjectId& id, const CommitLinks& links, Commit* commit,
                                  Sets& sets, std::vector<Sets>& of_parents) {
  std::vector<ObjectId> parent_trees;
  for (const ObjectId& parent : links.parents) {
    const auto known = waiting_.find(parent);
    auto parent_links =
        known == waiting_.end() ? read_links(parent) : Result<CommitLinks>(known->second.links);
    if (!parent_links) return parent_links.error();
    parent_trees.push_back(parent_links->tree);
  }
  const bool any = any_paths(sets);
  std::size_t bytes = 0;
  const auto compared = trees_.compare(
      links.tree, parent_trees,
      any ? TreeComparison::Against::kFirstParent : TreeComparison::Against::kEveryParent,
      [&](const TreeDifference& file) {
        if (any) settle(file, id, sets, of_parents);
        if (!commit || file.same_as != TreeDifference::kNoParent) return;
        ++commit->file_count;
        bytes += file.path.size();
        if (commit->files.size() < Commit::kMostFiles && bytes <= kMostFileBytes)
          commit->files.emplace_back(file.path);
      });
  if (!compared) return compared;
  if (!of_parents.empty() && paths_)
    for (std::size_t i = 0; i < sets.size(); ++i)
      of_parents.front()[i] = paths_->join(of_parents.front()[i], sets[i]);
  return {};
}

/// A path that is on its way through this commit, and differs from the first parent's.
void HistoryWalk::settle(const TreeDifference& difference, const ObjectId& id, const Sets& sets,
                         std::vector<Sets>& of_parents) {
  const auto path = paths_->find(sha256(difference.path));
  if (!path) return;
  const PathSets::Set set = paths_->set_of(*path);
  if (set == PathSets::kNoSet) return;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    if (set != sets[i]) continue;
    if (difference.same_as != TreeDifference::kNoParent)
      paths_->move(*path, of_parents[difference.same_as][i]);
    else
      paths_->answer(*path, difference.exists ? std::optional(id) : std::nullopt);
    return;
  }
}

Result<void> HistoryWalk::hand_over(const ObjectId& id, Commit&& commit) {
  if (!whole_repository_ && commit.file_count == 0) return {};
  commit.id = id;
  auto read = read_commit(id, [&](std::string_view object) {
    read_commit_text(object, commit);
    return true;
  });
  return read ? visitor_.take(std::move(commit)) : read;
}

Result<CommitLinks> HistoryWalk::read_links(const ObjectId& id) {
  std::optional<CommitLinks> links;
  auto read = read_commit(id, [&](std::string_view object) {
    links = commit_links(object);
    return links.has_value();
  });
  if (!read) return read.error();
  if (cut_off_.contains(id)) links->parents.clear();
  return *std::move(links);
}

/// Has `use` look at the commit's text; false from it means that this is none.
template <class F>
Result<void> HistoryWalk::read_commit(const ObjectId& id, F use) {
  git_oid oid;
  std::copy(id.begin(), id.end(), oid.id);
  git_odb_object* object = nullptr;
  if (git_odb_read(&object, objects_, &oid) != 0) {
    const git_error* error = git_error_last();
    return unreadable(id, error && error->message ? error->message : "no reason given");
  }
  const std::string_view text(static_cast<const char*>(git_odb_object_data(object)),
                              git_odb_object_size(object));
  const bool good = git_odb_object_type(object) == GIT_OBJECT_COMMIT && use(text);
  git_odb_object_free(object);
  return good ? Result<void>() : unreadable(id, "it is no commit");
}

}  // namespace forkdex
