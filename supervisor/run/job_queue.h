#pragma once

// The jobs of a phase that no worker has had yet. Memory holds 16 bytes a job; the rest waits in a
// file without a name. Killed, nothing is left.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/error/result.h"
#include "common/jobs/job.h"

namespace forkdex {

enum class JobOrder : std::uint8_t {
  kBiggestFirst,  ///< no big file is alone at the end; of equal jobs the first added
  kAsAdded,
};

class JobQueue {
 public:
  explicit JobQueue(JobOrder order = JobOrder::kBiggestFirst)
      : sorted_(order == JobOrder::kAsAdded) {}

  /// Appends `job`. REQUIRES that next() was not called yet. ERRORS
  /// kDiskFull (the temporary folder's), kBug.
  Result<void> add(const Job& job);

  bool empty() const { return size() == 0; }
  /// Jobs that are left.
  std::size_t size() const { return entries_.size() - next_; }
  /// The sum of `cost` of all jobs that were added.
  std::uint64_t bytes() const { return bytes_; }

  /// Takes the next job that is left; nothing at the end. ERRORS kBug when the file cannot be read
  /// back.
  Result<std::optional<Job>> next();

 private:
  struct Entry {
    std::uint64_t bytes;   // what the job costs
    std::uint64_t offset;  // of the record
  };
  Result<void> write_out();
  Result<std::string> record_at(std::uint64_t offset) const;

  std::vector<Entry> entries_;
  std::uint64_t bytes_ = 0;
  std::size_t next_ = 0;
  bool sorted_;
  UniqueFd file_;              // there once the buffer has been full
  std::string buffer_;         // what follows the file's end
  std::uint64_t written_ = 0;  // bytes in the file
};

}  // namespace forkdex
