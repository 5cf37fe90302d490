#pragma once

// Syntax that a grammar does not know yet, written in words of the same length that it knows: the
// tree that the grammar makes of them has the shape and the places that it would have. Pure.

#include <optional>
#include <string>
#include <string_view>

namespace forkdex {

/// `text` with what is newer than the grammar of `language` (as a Language's id) written in older
/// words of the same length, or nothing if it has nothing of that:
///
///   using x, await using x   const x           explicit resource management
///   using of b, f(using)     usin_ of b        the same word as a name; in JavaScript this alone
///   <in out T>, <const T>    <T>               variance, constant type parameters
///   a line of a type that begins with `<` or with `[key:`, behind one without a semicolon
///
/// What stands in strings and comments may be rewritten too: it has no shape.
std::optional<std::string> in_older_words(std::string_view language, std::string_view text);

}  // namespace forkdex
