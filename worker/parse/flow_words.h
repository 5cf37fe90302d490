#pragma once

// Flow's syntax that TypeScript has other words for, written in those. Pure.

#include <optional>
#include <string_view>

#include "worker/parse/older_text.h"

namespace forkdex {

/// `text`, JavaScript with Flow's types, as the grammar of TSX can read it, or nothing if there is
/// nothing to write otherwise:
///
///   <+T, -U>, { +a: B }         <T, U>, { a: B }    variance
///   opaque type A: B = C        export type A = C
///   component A(b as c: D) renders E {}     function A(c: D): E {}
///   hook useA(b: C) {}          function useA(b: C) {}
///   enum A of B {}, { a: B, ... }, declare export, import typeof, %checks without what is Flow's
///
/// What stands in strings and comments may be rewritten too: it has no shape.
std::optional<OlderText> flow_in_older_words(std::string_view text);

}  // namespace forkdex
