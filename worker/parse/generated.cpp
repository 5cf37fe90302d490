#include "worker/parse/generated.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/base/utf8.h"

namespace forkdex {
namespace {

/// Ends of lines, in each of the three ways to end one.
std::size_t line_ends(std::string_view text) {
  const auto feeds = static_cast<std::size_t>(std::ranges::count(text, '\n'));
  if (feeds > 0) return feeds;
  return static_cast<std::size_t>(std::ranges::count(text, '\r'));
}

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return !is_continuation(c); }));
}

}  // namespace

Result<void> check_written_by_hand(std::string_view text) {
  if (text.size() <= kMaxUncheckedBytes) return {};
  const bool ended = text.back() == '\n' || text.back() == '\r';
  const std::size_t lines = line_ends(text) + (ended ? 0 : 1);
  const std::size_t average = code_points(text) / lines;
  if (average <= kMaxAverageLine) return {};
  return Error{ErrorCode::kGeneratedFile,
               fmt::format("its lines have {} characters on average, more than {}", average,
                           kMaxAverageLine),
               ""};
}

}  // namespace forkdex
