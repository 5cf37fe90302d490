#include "supervisor/repository/history/tree_comparison.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <git2.h>

#include "common/jobs/file_facts.h"

namespace forkdex {
namespace {

// Of one generation; an entry takes some 60 bytes.
constexpr std::size_t kKeptEntries = 8'000;
// A few small trees that hold each other can stand for more files than there are atoms.
constexpr std::size_t kMostSteps = 20'000'000;

git_oid git_id(const ObjectId& id) {
  git_oid oid;
  std::copy(id.begin(), id.end(), oid.id);
  return oid;
}

ObjectId id_of(const git_tree_entry* entry) {
  ObjectId id;
  std::copy_n(git_tree_entry_id(entry)->id, id.size(), id.begin());
  return id;
}

/// The mode as git compares it: of a file only whether its owner may run it counts.
mode_t mode_of(const git_tree_entry* entry) {
  const auto raw = static_cast<mode_t>(git_tree_entry_filemode_raw(entry));
  if (S_ISREG(raw)) return S_IFREG | ((raw & S_IXUSR) ? 0755 : 0644);
  return raw & S_IFMT;
}

bool is_folder(const git_tree_entry* entry) { return S_ISDIR(mode_of(entry)); }

bool same(const git_tree_entry* a, const git_tree_entry* b) {
  if (!a || !b) return a == b;
  return mode_of(a) == mode_of(b) && git_oid_equal(git_tree_entry_id(a), git_tree_entry_id(b));
}

/// git's order: a folder stands where its name with a '/' behind it would.
int compare_names(const git_tree_entry* a, const git_tree_entry* b) {
  const std::string_view first = git_tree_entry_name(a);
  const std::string_view second = git_tree_entry_name(b);
  const std::size_t common = std::min(first.size(), second.size());
  if (const int order = first.substr(0, common).compare(second.substr(0, common))) return order;
  const auto next = [common](std::string_view name, const git_tree_entry* entry) {
    if (name.size() > common) return static_cast<int>(static_cast<unsigned char>(name[common]));
    return is_folder(entry) ? static_cast<int>('/') : 0;
  };
  return next(first, a) - next(second, b);
}

}  // namespace

/// Goes through several trees at once, name by name.
class TreeComparison::Merge {
 public:
  explicit Merge(const std::vector<Tree>& trees) : trees_(trees), next_(trees.size(), 0) {}

  /// The entries of the next name, one a tree, null where a tree lacks it; empty at the end.
  const std::vector<const git_tree_entry*>& step() {
    const git_tree_entry* least = nullptr;
    for (std::size_t i = 0; i < trees_.size(); ++i) {
      const git_tree_entry* entry = at(i);
      if (entry && (!least || compare_names(entry, least) < 0)) least = entry;
    }
    row_.clear();
    if (!least) return row_;
    for (std::size_t i = 0; i < trees_.size(); ++i) {
      const git_tree_entry* entry = at(i);
      const bool here = entry && compare_names(entry, least) == 0;
      row_.push_back(here ? entry : nullptr);
      if (here) ++next_[i];
    }
    return row_;
  }

 private:
  const git_tree_entry* at(std::size_t i) const {
    return trees_[i] ? git_tree_entry_byindex(trees_[i].get(), next_[i]) : nullptr;
  }

  const std::vector<Tree>& trees_;
  std::vector<std::size_t> next_;
  std::vector<const git_tree_entry*> row_;
};

Result<TreeComparison::Tree> TreeComparison::load(const ObjectId& id) {
  if (const auto found = young_.find(id); found != young_.end()) return found->second;
  Tree tree;
  if (const auto found = old_.find(id); found != old_.end()) {
    tree = found->second;
  } else {
    const git_oid oid = git_id(id);
    git_tree* read = nullptr;
    if (git_tree_lookup(&read, repository_, &oid) != 0) {
      const git_error* error = git_error_last();
      return Error{ErrorCode::kRepositoryUnusable,
                   fmt::format("a folder of the history cannot be read: {}",
                               error && error->message ? error->message : "no reason given"),
                   hex(id)};
    }
    tree = Tree(read, git_tree_free);
  }
  young_entries_ += 1 + git_tree_entrycount(tree.get());
  if (young_entries_ > kKeptEntries) {
    old_ = std::exchange(young_, {});
    young_entries_ = 0;
  }
  young_.emplace(id, tree);
  return tree;
}

/// The folder that is the root in the commit whose tree is `root`; null where it has none.
Result<TreeComparison::Tree> TreeComparison::below_prefix(const ObjectId& root) {
  auto tree = load(root);
  for (std::size_t begin = 0; tree && begin < prefix_.size();) {
    const std::size_t end = prefix_.find('/', begin);
    const std::string name = prefix_.substr(begin, end - begin);
    const git_tree_entry* entry = git_tree_entry_byname(tree->get(), name.c_str());
    if (!entry || !is_folder(entry)) return Tree();
    tree = load(id_of(entry));
    begin = end + 1;
  }
  return tree;
}

Result<void> TreeComparison::compare(const ObjectId& tree, std::span<const ObjectId> parents,
                                     Against against, const Visit& visit) {
  std::vector<Tree> trees;
  for (std::size_t i = 0; i <= parents.size(); ++i) {
    auto loaded = below_prefix(i == 0 ? tree : parents[i - 1]);
    if (!loaded) return loaded.error();
    trees.push_back(*std::move(loaded));
  }
  // Equal trees: the usual case for a folder that few commits touch.
  for (std::size_t i = 1; i < trees.size(); ++i) {
    if (trees[i] == trees[0]) return {};
    if (against == Against::kFirstParent) break;
  }
  path_.clear();
  steps_ = 0;
  return compare_folders(trees, against, visit);
}

Result<void> TreeComparison::compare_folders(const std::vector<Tree>& trees, Against against,
                                             const Visit& visit) {
  Merge merge(trees);
  for (const auto* row = &merge.step(); !row->empty(); row = &merge.step()) {
    if (++steps_ > kMostSteps)
      return Error{ErrorCode::kRepositoryUnusable,
                   fmt::format("a commit of its history changes more than {} files", kMostSteps),
                   ""};
    const git_tree_entry* commit = row->front();
    std::size_t same_as = TreeDifference::kNoParent;
    for (std::size_t i = 1; i < row->size() && same_as == TreeDifference::kNoParent; ++i)
      if (same(commit, (*row)[i])) same_as = i - 1;
    if (same_as == 0) continue;
    if (against == Against::kEveryParent && same_as != TreeDifference::kNoParent) continue;
    const git_tree_entry* any = *std::find_if(
        row->begin(), row->end(), [](const git_tree_entry* entry) { return entry != nullptr; });
    const std::size_t folder_bytes = path_.size();
    path_ += git_tree_entry_name(any);
    Result<void> compared;
    if (path_.size() > kMaxPathBytes) {
      // No file system has it.
    } else if (is_folder(any)) {
      compared = compare_below(*row, against, visit);
    } else {
      visit({path_, commit != nullptr, same_as});
    }
    path_.resize(folder_bytes);
    if (!compared) return compared;
  }
  return {};
}

/// Compares the folders that the entries of `row` are; path_ is theirs.
Result<void> TreeComparison::compare_below(const std::vector<const git_tree_entry*>& row,
                                           Against against, const Visit& visit) {
  path_ += '/';
  std::vector<Tree> trees;
  for (const git_tree_entry* entry : row) {
    auto loaded = entry ? load(id_of(entry)) : Result<Tree>(Tree());
    if (!loaded) return loaded.error();
    trees.push_back(*std::move(loaded));
  }
  return compare_folders(trees, against, visit);
}

}  // namespace forkdex
