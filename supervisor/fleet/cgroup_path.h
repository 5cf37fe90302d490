#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

namespace forkdex {

/// Finds our group in `table` (/proc/self/cgroup), relative to the mount: of the v1 hierarchy with
/// `controller`, or of v2 for "".
std::optional<std::filesystem::path> own_cgroup(std::string_view table,
                                                std::string_view controller);

}  // namespace forkdex
