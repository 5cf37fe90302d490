#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace forkdex {

/// The `reason` of what the user's globs and languages leave out; of what only a worker sees to be
/// in another language, it is the name of ErrorCode::kExcludedByContent.
inline constexpr std::string_view kExcluded = "excluded";

/// The `reason` of an indexed file of which much could not be parsed; its detail says which lines.
inline constexpr std::string_view kPartlyParsed = "partly_parsed";

/// The one state every file ends in. kUnchanged and kRemoved stand in reports only.
enum class FileState : std::uint8_t {
  kIndexed,
  kUnchanged,
  kEmpty,
  kSkipped,
  kFailed,
  kQuarantined,
  kRemoved,
};
inline constexpr std::size_t kFileStateCount = 7;

/// The state as rows, reports and events spell it.
std::string_view name(FileState state);
std::optional<FileState> file_state_from_name(std::string_view text);

}  // namespace forkdex
