#pragma once

// Histories that nobody would make by hand: merges of anything with anything, evil merges, several
// roots, files that become folders and back, dates that run backwards. Written by git fast-import.

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/support/scratch_repository.h"

namespace forkdex::test {

class RandomHistory {
 public:
  RandomHistory(const ScratchFolder& folder, unsigned seed) : folder_(folder), random_(seed) {
    folder_.git({"init", "-q", "-b", "main"});
  }

  /// Adds `count` commits. Returns the ids of all commits so far, oldest first.
  const std::vector<std::string>& grow(int count) {
    std::string stream;
    for (int i = 0; i < count; ++i) stream += next_commit();
    const std::string marks = folder_ / ".git" / "marks";
    std::vector<std::string> command = {"fast-import", "--quiet", "--force",
                                        "--export-marks=" + marks};
    if (!ids_.empty()) command.push_back("--import-marks=" + marks);
    folder_.git(command, stream);
    read_marks(marks);
    return ids_;
  }

  /// Has HEAD stand on commit `number`.
  void stand_on(std::size_t number) const {
    folder_.git({"update-ref", "--no-deref", "HEAD", ids_[number]});
  }

  /// Every path that any commit has had.
  const std::set<std::string>& paths() const { return paths_; }
  std::size_t pick(std::size_t count) { return random_() % count; }

 private:
  using Tree = std::map<std::string, std::string>;  // content by path
  struct Node {
    Tree tree;
    std::vector<std::size_t> parents;
    std::int64_t date = 0;
  };

  /// Parents among the latest commits, mostly; a root now and then.
  std::vector<std::size_t> pick_parents() {
    std::vector<std::size_t> parents;
    if (nodes_.empty() || pick(40) == 0) return parents;
    static constexpr std::size_t kCounts[] = {1, 1, 1, 1, 2, 2, 2, 3};
    const std::size_t count = kCounts[pick(8)];
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t back = pick(std::min<std::size_t>(nodes_.size(), pick(5) == 0 ? 1000 : 6));
      const std::size_t parent = nodes_.size() - 1 - back;
      if (std::find(parents.begin(), parents.end(), parent) == parents.end())
        parents.push_back(parent);
    }
    return parents;
  }

  /// As git merges, file by file: from any of the parents.
  Tree merged(const std::vector<std::size_t>& parents) {
    Tree tree;
    std::set<std::string> all;
    for (const std::size_t parent : parents)
      for (const auto& [path, content] : nodes_[parent].tree) all.insert(path);
    const bool first_wins = pick(3) == 0;
    for (const std::string& path : all) {
      const Tree& from = nodes_[parents[first_wins ? 0 : pick(parents.size())]].tree;
      if (const auto found = from.find(path); found != from.end()) put(tree, path, found->second);
    }
    return tree;
  }

  /// A file takes the place of a folder, and the other way round.
  void put(Tree& tree, const std::string& path, const std::string& content) {
    std::erase_if(tree, [&](const auto& entry) {
      return entry.first.starts_with(path + '/') || path.starts_with(entry.first + '/');
    });
    tree[path] = content;
    paths_.insert(path);
  }

  void change(Tree& tree) {
    static const std::vector<std::string> kNames = {
        "a",   "b.c",   "d",       "d/e",   "d/f", "d/f.g", "d/f/h",
        "d-x", "d.y/z", "i/j/k/l", "i/j/m", "i/n", "o p",   "\xC3\xA9t\xC3\xA9",
        "q"};
    const std::string& path = kNames[pick(kNames.size())];
    // Few contents, so that changes are undone and made twice.
    if (tree.contains(path) && pick(4) == 0)
      tree.erase(path);
    else
      put(tree, path, std::string(1, static_cast<char>('0' + pick(4))));
  }

  std::string next_commit() {
    Node node;
    node.parents = pick_parents();
    if (!node.parents.empty()) node.tree = merged(node.parents);
    const std::size_t changes = node.parents.size() > 1 ? pick(4) / 3 : pick(4);
    for (std::size_t i = 0; i < changes; ++i) change(node.tree);
    now_ += static_cast<std::int64_t>(pick(3));
    node.date = pick(8) == 0 ? static_cast<std::int64_t>(1'000'000'000 + pick(200)) : now_;
    const std::size_t number = nodes_.size();
    nodes_.push_back(std::move(node));
    return text_of(nodes_.back(), number);
  }

  static std::string text_of(const Node& node, std::size_t number) {
    const std::string message = "commit " + std::to_string(number);
    // A ref of its own: without a parent named, fast-import takes the ref's last commit for one.
    std::string text = "commit refs/all/" + std::to_string(number) +
                       "\nmark :" + std::to_string(number + 1) + "\ncommitter T <t@example.org> " +
                       std::to_string(node.date) + " +0000\ndata " +
                       std::to_string(message.size()) + "\n" + message + "\n";
    for (std::size_t i = 0; i < node.parents.size(); ++i)
      text += (i == 0 ? "from :" : "merge :") + std::to_string(node.parents[i] + 1) + "\n";
    text += "deleteall\n";
    for (const auto& [path, content] : node.tree)
      text += "M " + std::string(content == "3" ? "100755" : "100644") + " inline \"" + path +
              "\"\ndata 1\n" + content + "\n";
    return text;
  }

  void read_marks(const std::string& file) {
    std::ifstream marks(file);
    ids_.resize(nodes_.size());
    for (std::string line; std::getline(marks, line);) {
      const std::size_t space = line.find(' ');
      ids_[std::stoul(line.substr(1, space - 1)) - 1] = line.substr(space + 1);
    }
  }

  const ScratchFolder& folder_;
  std::mt19937 random_;
  std::vector<Node> nodes_;
  std::vector<std::string> ids_;
  std::set<std::string> paths_;
  std::int64_t now_ = 1'000'000'000;
};

}  // namespace forkdex::test
