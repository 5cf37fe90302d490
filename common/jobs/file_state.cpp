#include "common/jobs/file_state.h"

#include <algorithm>
#include <array>

namespace forkdex {
namespace {
constexpr std::array<std::string_view, kFileStateCount> kNames = {
    "indexed", "unchanged", "empty", "skipped", "failed", "quarantined", "removed"};
}

std::string_view name(FileState state) { return kNames[static_cast<std::size_t>(state)]; }

std::optional<FileState> file_state_from_name(std::string_view text) {
  const auto found = std::find(kNames.begin(), kNames.end(), text);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<FileState>(found - kNames.begin());
}

}  // namespace forkdex
