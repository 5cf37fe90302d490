#pragma once

// Comments that speak to a tool and not to a reader, such as `// @ts-check`. Pure.

#include <string_view>

namespace forkdex {

/// Whether `text`, that of a comment without its markers, is nothing but instructions for type
/// checkers, linters, formatters, coverage tools, bundlers or editors: each line is one.
bool is_pragma(std::string_view text);

}  // namespace forkdex
