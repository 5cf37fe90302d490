#pragma once

// Which language a path is in: names and extensions only, so that the supervisor can plan without
// opening a file. Where a name says nothing, a worker reads the content
// (worker/parse/content_language.h). What parses a language stands in worker/parse/language.h. The
// yardstick for the languages that have a grammar is github-linguist's table.

#include <optional>
#include <string>
#include <string_view>

namespace forkdex {

/// The language id of `path` by its file name and extension; "text" when none is known.
/// Static storage.
std::string_view language_of(std::string_view path);

/// Whether the name of `path` says its language; where it does not, language_of gives "text" and
/// the content may say another one.
bool name_says_language(std::string_view path);

/// `id` in static storage if it is the id of a language.
std::optional<std::string_view> language_with_id(std::string_view id);

/// Whether `id` is the id of a language.
bool is_language(std::string_view id);

/// Why a file is left out whose content, not its name, says that it is in `language`.
std::string excluded_by_content(std::string_view language);

}  // namespace forkdex
