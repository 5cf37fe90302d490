#pragma once

// Which files git may store as other bytes than those in the work tree, by what gitattributes(5)
// says of them: those with a filter (Git LFS, git-crypt) or another encoding. Line ends and $Id$
// are left out: what they convert changes its size, which callers compare.
//
// Errs to one side: a rule that a later one takes back still counts, as does every rule that is
// hard to read. The price is a file that is opened. Pure: the caller reads the files.

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/repository/worktree/ignore_rules.h"

namespace forkdex {

class ConversionRules {
 public:
  /// Longer files are to be pushed as unknown; no person wrote them.
  static constexpr std::size_t kMaxBytes = std::size_t{256} << 10;

  /// `fold_case` compares paths as core.ignorecase makes git do it.
  explicit ConversionRules(bool fold_case);

  /// Adds an attributes file of kMaxBytes at most. It speaks of what is below the folder whose
  /// path, trailing '/' included, is the first `folder_bytes` bytes of every path asked about until
  /// pop().
  void push(std::size_t folder_bytes, std::string_view text);
  /// Adds one that is there and cannot be read: it may say anything of every file.
  void push_unknown();
  void pop();

  /// Whether the file at `path` (relative to the top) may be stored as other bytes.
  bool may_convert(std::string_view path) const;

 private:
  struct Rule {
    IgnoreFile pattern;
    std::vector<std::string> attributes;
    bool converts = false;
  };
  struct Level {
    std::size_t folder_bytes = 0;
    bool unknown = false;
    std::vector<Rule> rules;
    bool counts = false;  // it is unknown, or a rule of it converts
  };

  bool converts(const std::vector<std::string>& attributes) const;
  void add_line(std::string_view line, Level& level);
  void judge(Level& level) const;
  void push(Level level);
  bool learn_macros();

  bool fold_case_;
  std::set<std::string, std::less<>> converting_;  // attributes, and macros that set them
  std::vector<std::pair<std::string, std::vector<std::string>>> macros_;
  std::vector<Level> levels_;
  bool any_counts_ = false;
};

}  // namespace forkdex
