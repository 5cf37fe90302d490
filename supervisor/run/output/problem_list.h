#pragma once

// The problems of a run's report, each as JSON, however many there are: a few are in memory, where
// the run's row takes them from, the rest is in a file without a name. One thread. Killed, nothing
// is left.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/error/result.h"
#include "supervisor/database/ledger.h"
#include "supervisor/run/accounting.h"
#include "supervisor/run/scope.h"

namespace forkdex {

class ProblemList {
 public:
  /// Problems that a run's row holds; `files` has them all.
  static constexpr std::size_t kMostInRow = 1000;

  /// Those of the run, out of its ledger. ERRORS as Ledger::flush, add.
  static Result<ProblemList> read(Ledger& ledger, RunScope& scope);
  /// Those given.
  static ProblemList of(const std::vector<Problem>& problems);

  /// Appends a JSON value. ERRORS kDiskFull (the temporary folder's), kBug.
  Result<void> add(std::string_view json);

  /// The first kMostInRow values, separated as the elements of an array are.
  const std::string& beginning() const { return beginning_; }

  /// Gives `piece` the text of all values, separated as the elements of an array are, piece by
  /// piece. ERRORS those of `piece`; kBug when the file cannot be read back.
  Result<void> for_each_piece(const std::function<Result<void>(std::string_view)>& piece) const;

 private:
  Result<void> write_out();

  std::size_t count_ = 0;
  std::string beginning_;
  UniqueFd file_;       // what follows, once the buffer has been full
  std::string buffer_;  // what follows the file's end
};

}  // namespace forkdex
