#pragma once

// Where statements can begin, by a text's lines alone, whatever its syntax is. Pure.

#include <cstddef>
#include <string_view>
#include <vector>

namespace forkdex {

/// Where the lines begin, ascending and from 0, that are not indented and begin with a word, a
/// brace or a decorator, and so a statement; or with a comment above one. Not a line that goes on
/// with the statement before, such as `else`, or that completes the line before, such as `export`,
/// a decorator alone, or a function's head without its brace. Lines end with a line feed.
std::vector<std::size_t> statement_lines(std::string_view text);

}  // namespace forkdex
