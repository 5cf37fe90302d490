#pragma once

// Text around definitions that says nothing alone: what only opens a construct that the next
// definition stands in, and what only closes the one that the last definition stands in. By the
// text alone, for languages with brackets. Pure.

#include <cstddef>
#include <string_view>

namespace forkdex {

/// Whether `text` only begins what goes on after it, with one line of code and the comments
/// directly above that: `if (x) {`, `return {`, `Object.assign(x, {`, `else`, `x ?`.
bool only_opens(std::string_view text);

/// How many of the bytes of `text`, which stands directly after a definition that ends with
/// `before`, only close what is around that: brackets and separators, and the rest of their line
/// where it belongs to them, as in `})();`, `} as const;`, `}.bind(this), 100);`. White space after
/// them is not counted; white space before them is.
std::size_t closing_bytes(std::string_view text, char before);

}  // namespace forkdex
