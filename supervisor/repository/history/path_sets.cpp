#include "supervisor/repository/history/path_sets.h"

#include <algorithm>
#include <utility>

namespace forkdex {

void PathSets::add(const Sha256& path_hash, bool is_known) {
  paths_.push_back({path_hash, kNoSet, kNoCommit, is_known});
}

PathSets::Start PathSets::start(bool use_known) {
  std::sort(paths_.begin(), paths_.end(),
            [](const Entry& a, const Entry& b) { return a.hash < b.hash; });
  Start start;
  for (Path path = 0; path < paths_.size(); ++path) {
    if (use_known && paths_[path].known)
      move(path, start.known);
    else
      start.others = true;
  }
  return start;
}

std::optional<PathSets::Path> PathSets::find(const Sha256& path_hash) const {
  const auto found =
      std::lower_bound(paths_.begin(), paths_.end(), path_hash,
                       [](const Entry& entry, const Sha256& hash) { return entry.hash < hash; });
  if (found == paths_.end() || found->hash != path_hash) return std::nullopt;
  return static_cast<Path>(found - paths_.begin());
}

PathSets::Set PathSets::set_of(Path path) {
  Entry& entry = paths_[path];
  if (entry.set != kNoSet) entry.set = root(entry.set);
  return entry.set;
}

PathSets::Set PathSets::make() {
  const auto set = static_cast<Set>(sets_.size());
  sets_.push_back({set, 0});
  return set;
}

PathSets::Set PathSets::root(Set set) {
  while (sets_[set].parent != set) {
    sets_[set].parent = sets_[sets_[set].parent].parent;
    set = sets_[set].parent;
  }
  return set;
}

void PathSets::leave(Entry& entry) {
  if (entry.set != kNoSet) --sets_[root(entry.set)].size;
  entry.set = kNoSet;
}

void PathSets::move(Path path, Set& set) {
  leave(paths_[path]);
  if (set == kNoSet) set = make();
  paths_[path].set = set;
  ++sets_[set].size;
}

PathSets::Set PathSets::join(Set a, Set b) {
  if (a == kNoSet || b == kNoSet) return a == kNoSet ? b : a;
  if (a == b) return a;
  if (sets_[a].size < sets_[b].size) std::swap(a, b);
  sets_[b].parent = a;
  sets_[a].size += sets_[b].size;
  return a;
}

void PathSets::answer(Path path, const std::optional<ObjectId>& commit) {
  Entry& entry = paths_[path];
  leave(entry);
  entry.answer = kNoCommit;
  if (!commit) return;
  if (commits_.empty() || commits_.back() != *commit) commits_.push_back(*commit);
  entry.answer = static_cast<std::uint32_t>(commits_.size() - 1);
}

void PathSets::keep(Set set) {
  if (set != kNoSet) sets_[set].kept = true;
}

std::optional<LastCommit> PathSets::next_answer(Path& at) {
  while (at < paths_.size()) {
    const Path path = at++;
    const Set set = set_of(path);
    if (set != kNoSet && sets_[set].kept) continue;
    const Entry& entry = paths_[path];
    return LastCommit{entry.hash, entry.answer == kNoCommit
                                      ? std::optional<ObjectId>()
                                      : std::optional(commits_[entry.answer])};
  }
  return std::nullopt;
}

}  // namespace forkdex
