#pragma once

// Which language a path is in: names and extensions only, so that the supervisor can plan without
// a grammar. What parses a language stands in worker/parse/language.h.

#include <string_view>

namespace forkdex {

/// The language id of `path` by its file name and extension; "text" when none is known.
/// Static storage.
std::string_view language_of(std::string_view path);

/// Whether `id` is a language id that language_of can give.
bool is_language(std::string_view id);

}  // namespace forkdex
