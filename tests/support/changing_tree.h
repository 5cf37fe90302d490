#pragma once

// A folder, or a git repository, to which things happen: whatever people and their tools do to one
// between two runs, drawn at random. The same seed gives the same changes.

#include <filesystem>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace forkdex::test {

class ChangingTree {
 public:
  enum class Kind { kFolder, kRepository, kFolderOfRepository };

  /// A dozen files, in a repository committed.
  ChangingTree(Kind kind, unsigned seed);

  const std::filesystem::path& path() const { return tree_; }

  /// Makes one change, and says which.
  std::string change();

  /// The files there are, .git left out, relative to path() and in order of their names.
  std::vector<std::string> files() const;

 private:
  using Strings = std::vector<std::string>;
  /// What was done to what; nullopt if there was nothing to do it to.
  using Change = std::optional<std::string> (ChangingTree::*)();
  struct Entry;

  unsigned draw(std::size_t count) { return static_cast<unsigned>(random_() % count); }
  template <std::size_t count>
  std::string pick(const char* const (&all)[count]) {
    return all[draw(count)];
  }
  bool in_git() const { return kind_ != Kind::kFolder; }
  std::string draw_path();
  std::string draw_definition(const std::string& path);
  std::string draw_content(const std::string& path);
  std::optional<std::string> draw_file();
  std::optional<std::string> draw_branch();

  void write(const std::string& path, const std::string& content);
  /// Makes room for a file at `path`: no file stands where its folders must, and no folder at it.
  void clear_way(const std::string& path);
  bool git(const Strings& arguments);
  void must_git(const Strings& arguments);
  void end_unfinished();

  std::optional<std::string> edit();
  std::optional<std::string> edit_unseen();
  std::optional<std::string> add();
  std::optional<std::string> remove();
  std::optional<std::string> rename();
  std::optional<std::string> rename_folder();
  std::optional<std::string> copy();
  std::optional<std::string> chmod();
  std::optional<std::string> link();
  std::optional<std::string> touch();
  std::optional<std::string> renew_inodes();
  std::optional<std::string> ignore();

  std::optional<std::string> commit();
  std::optional<std::string> amend();
  std::optional<std::string> switch_branch();
  std::optional<std::string> detach();
  std::optional<std::string> start_anew();
  std::optional<std::string> reset();
  std::optional<std::string> merge();
  std::optional<std::string> rebase();
  std::optional<std::string> revert();
  std::optional<std::string> collect_garbage();
  std::optional<std::string> check_out_again();
  std::optional<std::string> untrack();
  std::optional<std::string> make_sparse();
  std::optional<std::string> convert();
  std::optional<std::string> nest();
  std::optional<std::string> change_outside();

  Kind kind_;
  std::mt19937 random_;
  TemporaryFolder folder_;
  std::filesystem::path tree_;
  int clock_ = 0;  ///< seconds, for dates of commits
};

}  // namespace forkdex::test
