#pragma once

#include <cstddef>
#include <string_view>

namespace forkdex {

/// The number of letters to insert, remove or replace to make `b` of `a`.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// A word that differs from the right one in more letters is not taken for a slip of the pen.
inline constexpr std::size_t kMostSlips = 2;

}  // namespace forkdex
