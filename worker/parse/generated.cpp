#include "worker/parse/generated.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/base/utf8.h"
#include "worker/parse/line_ends.h"

namespace forkdex {
namespace {

std::size_t line_ends(std::string_view text) {
  std::size_t ends = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (ends_line(text, i)) ++ends;
  }
  return ends;
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
