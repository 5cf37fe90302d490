#include "supervisor/run/output/pace.h"

#include <cmath>

#include "common/base/clock.h"

namespace forkdex {
namespace {

constexpr auto kWindow = std::chrono::seconds(10);
constexpr auto kSpacing = std::chrono::milliseconds(250);  // bounds the samples kept

}  // namespace

Pace::Pace(Clock::time_point start) : samples_{{start, 0}}, start_(start) {}

void Pace::sample(const Accounting& accounting, Clock::time_point now) {
  const bool counts_texts = accounting.expected_texts() > 0;
  if (counts_texts != counts_texts_) {
    counts_texts_ = counts_texts;
    samples_ = {{now, counts_texts ? accounting.done_texts() : accounting.chunks_written()}};
    start_ = now;
  }
  expected_ = counts_texts ? accounting.expected_tokens() : accounting.expected_bytes();
  done_ = counts_texts ? accounting.done_tokens() : accounting.done_bytes();
  const Sample latest{now, counts_texts ? accounting.done_texts() : accounting.chunks_written()};
  // The newest sample follows the clock until it is far enough from the one before it.
  if (samples_.size() > 1 && samples_.back().when - (samples_.end() - 2)->when < kSpacing)
    samples_.back() = latest;
  else
    samples_.push_back(latest);
  while (samples_.size() > 2 && now - samples_[1].when >= kWindow) samples_.pop_front();
}

double Pace::rate() const {
  const double elapsed = to_seconds(samples_.back().when - samples_.front().when);
  if (elapsed <= 0) return 0;
  return static_cast<double>(samples_.back().items - samples_.front().items) / elapsed;
}

std::optional<std::chrono::seconds> Pace::time_left() const {
  if (done_ == 0 || done_ >= expected_) return std::nullopt;
  const double elapsed = to_seconds(samples_.back().when - start_);
  if (elapsed <= 0) return std::nullopt;
  const double left = static_cast<double>(expected_ - done_);
  return std::chrono::seconds(std::llround(elapsed * left / static_cast<double>(done_)));
}

}  // namespace forkdex
