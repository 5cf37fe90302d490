#pragma once

// Texts on their way to becoming jobs: those of a window are sorted by length and cut by tokens, so
// that a job's forward passes are full and jobs take about as long as each other. Memory holds one
// window.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/error/result.h"
#include "common/jobs/embed_texts.h"
#include "common/jobs/job.h"
#include "supervisor/database/texts.h"
#include "supervisor/run/job_queue.h"

namespace forkdex {

struct TextJobSizes {
  std::size_t code_tokens = 512;  ///< the most that the model of a source reads of a text
  std::size_t text_tokens = 512;
  std::size_t message_tokens = 512;
  std::size_t batch_tokens = 2048;  ///< of a forward pass
  unsigned workers = 1;

  std::size_t most_tokens(TextSource source) const;
};

/// The job of `texts`, which have about `tokens` together.
Job text_job(std::uint64_t id, EmbedTexts texts, std::size_t tokens);

class TextJobs {
 public:
  /// Texts of which one may overtake another.
  static constexpr std::size_t kWindow = 8192;

  /// Jobs get numbers from `first_id` on.
  TextJobs(const TextJobSizes& sizes, std::uint64_t first_id) : sizes_(sizes), next_id_(first_id) {}

  /// Takes the next text. ERRORS as JobQueue::add.
  Result<void> add(const MissingText& text);
  /// Gives all jobs, in the order of their windows. ERRORS as add.
  Result<JobQueue> finish();
  /// About how many tokens the texts have that were added.
  std::uint64_t tokens() const { return tokens_; }

 private:
  Result<void> cut_window();
  std::size_t tokens_of(const MissingText& text) const;

  TextJobSizes sizes_;
  std::uint64_t next_id_;
  std::uint64_t tokens_ = 0;
  std::vector<MissingText> window_;
  JobQueue jobs_{JobOrder::kAsAdded};
};

}  // namespace forkdex
