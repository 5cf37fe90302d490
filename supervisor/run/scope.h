#pragma once

// What part of a repository a run sees to: all of it, a shard, the files of a list, or what is in
// both. What lies outside is neither looked at nor removed.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/hash.h"
#include "common/base/shard.h"
#include "common/error/result.h"
#include "supervisor/settings/settings.h"

namespace forkdex {

class RunScope {
 public:
  /// The whole repository.
  RunScope() = default;
  /// What `settings` say: --shard, and --files-from, which is read here. BLOCKS until standard
  /// input ends where that is the list. ERRORS kUsage: the list cannot be read.
  static Result<RunScope> open(const Settings& settings);

  /// Takes the list's paths as those of the repository at `root` (an absolute folder, or a URL):
  /// absolute ones below it become relative to it, symbolic links that lead to it included, and
  /// empty and `.` parts go. ERRORS kUsage: one leads out of it.
  Result<void> settle_in(const std::string& root);

  bool whole() const { return !shard_ && !listed_; }
  const std::optional<Shard>& shard() const { return shard_; }
  bool is_list() const { return listed_.has_value(); }
  /// The list names no file at all.
  bool lists_nothing() const { return listed_ && listed_->empty(); }

  /// Whether the file at `path` is to be seen to; notes that it was met.
  bool holds(std::string_view path);

  /// SHA-256 of the list's paths; nothing without a list.
  std::optional<std::vector<Sha256>> path_hashes() const;

  /// Of the list's paths that this run's shard has, those that holds() was never asked for: a few
  /// of them, and how many there are.
  struct Unmet {
    std::vector<std::string> some;
    std::size_t count = 0;
  };
  Unmet unmet() const;

 private:
  std::optional<Shard> shard_;
  std::optional<std::vector<std::string>> listed_;  // ascending bytes, each once
  std::vector<bool> met_;
};

/// The paths in `text`: a line each, or, where a NUL stands anywhere in it, ended by NUL. Ascending
/// bytes, each once, "./" in front removed, empty ones left out.
std::vector<std::string> read_file_list(std::string_view text);

}  // namespace forkdex
