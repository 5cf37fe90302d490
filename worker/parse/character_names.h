#pragma once

// The characters that Unicode's names stand for, as in Python's "\N{BULLET}". Pure.

#include <optional>
#include <string_view>

namespace forkdex {

/// The character called `name`, in capitals or not, by its name or an alias; nothing where there is
/// none.
std::optional<char32_t> character_named(std::string_view name);

}  // namespace forkdex
