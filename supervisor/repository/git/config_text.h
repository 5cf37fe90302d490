#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace forkdex {

/// One value in git's configuration format, as the lines of a file. `key` is as `git config --list`
/// writes it; without a `value` the line has no '='. Nothing where no setting can be called so.
std::optional<std::string> config_lines(std::string_view key,
                                        std::optional<std::string_view> value);

}  // namespace forkdex
