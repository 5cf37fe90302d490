#pragma once

// Text on a terminal: what a hostile file name may not do there, and how much room text takes.

#include <cstddef>
#include <string>
#include <string_view>

namespace forkdex {

/// Whether the first character of `text` (UTF-8, not empty) is a control character, a line break or
/// a bidirectional mark, override or isolate.
bool starts_unprintable(std::string_view text);

/// `text` (UTF-8) with every character that is starts_unprintable() written \xHH, byte by byte.
std::string printable(std::string_view text);

/// Columns that `text` takes: two for wide characters, none for combining ones.
std::size_t display_width(std::string_view text);

/// `text` if it fits into `columns`, else its end behind "...": of a path the file name matters.
std::string keep_end(std::string_view text, std::size_t columns);

/// The start of `text` that fits into `columns`.
std::string keep_start(std::string_view text, std::size_t columns);

}  // namespace forkdex
