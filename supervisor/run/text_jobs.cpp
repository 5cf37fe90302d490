#include "supervisor/run/text_jobs.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace forkdex {
namespace {

// About what a token takes of a text; the special ones are in the remainder.
constexpr std::uint64_t kBytesPerToken = 3;
// So many forward passes make the reading and storing of a job's texts small beside them, and
// little is lost with a worker.
constexpr std::size_t kPassesPerJob = 4;
// Of few texts each worker gets several jobs, so that all are done at about the same time.
constexpr std::size_t kJobsPerWorker = 4;

}  // namespace

std::size_t TextJobSizes::most_tokens(TextSource source) const {
  switch (source) {
    case TextSource::kCode:
      return code_tokens;
    case TextSource::kText:
      return text_tokens;
    case TextSource::kMessage:
      break;
  }
  return message_tokens;
}

Job text_job(std::uint64_t id, EmbedTexts texts, std::size_t tokens) {
  Job job;
  job.id = id;
  job.kind = JobKind::kEmbedTexts;
  job.label = texts.hashes.size() == 1
                  ? fmt::format("{} {}", name(texts.source), hex(texts.hashes[0]).substr(0, 12))
                  : fmt::format("{} {}s", texts.hashes.size(), name(texts.source));
  job.payload = encode(texts);
  job.cost = tokens;
  return job;
}

std::size_t TextJobs::tokens_of(const MissingText& text) const {
  const std::uint64_t tokens = text.bytes / kBytesPerToken + 2;
  return static_cast<std::size_t>(std::min<std::uint64_t>(tokens, sizes_.most_tokens(text.source)));
}

Result<void> TextJobs::add(const MissingText& text) {
  window_.push_back(text);
  return window_.size() < kWindow ? Result<void>() : cut_window();
}

Result<JobQueue> TextJobs::finish() {
  if (auto cut = cut_window(); !cut) return cut.error();
  return std::move(jobs_);
}

Result<void> TextJobs::cut_window() {
  // Longest first: what remains for the end is short.
  std::ranges::stable_sort(window_, [](const MissingText& left, const MissingText& right) {
    return left.source != right.source ? left.source < right.source : left.bytes > right.bytes;
  });
  std::size_t tokens = 0;
  for (const MissingText& text : window_) tokens += tokens_of(text);
  const std::size_t budget = std::clamp(tokens / (kJobsPerWorker * std::max(sizes_.workers, 1U)),
                                        sizes_.batch_tokens, kPassesPerJob * sizes_.batch_tokens);
  EmbedTexts texts;
  std::size_t taken = 0;
  const auto give = [&]() -> Result<void> {
    if (texts.hashes.empty()) return {};
    tokens_ += taken;
    return jobs_.add(text_job(next_id_++, std::exchange(texts, {}), std::exchange(taken, 0)));
  };
  for (const MissingText& text : window_) {
    const bool fits = texts.source == text.source && texts.hashes.size() < kMaxTexts &&
                      taken + tokens_of(text) <= budget;
    if (!fits)
      if (auto given = give(); !given) return given;
    texts.source = text.source;
    texts.hashes.push_back(text.hash);
    taken += tokens_of(text);
  }
  window_.clear();
  return give();
}

}  // namespace forkdex
