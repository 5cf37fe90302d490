#pragma once

// A file name is bytes; rows, JSON and output are text. This is the one place where the two meet.

#include <optional>
#include <string>
#include <string_view>

namespace forkdex {

/// Writes the bytes of a name as UTF-8: a byte that is not part of valid UTF-8 becomes `\xHH`
/// (lower case), a backslash becomes `\\`, everything else, newlines included, stays. Distinct
/// names give distinct texts.
std::string escape_path(std::string_view raw);

/// Reverts escape_path and display_path. Gives nothing for a text that neither can have written.
std::optional<std::string> unescape_path(std::string_view text);

/// As escape_path, with the characters of starts_unprintable() (common/base/terminal_text.h) also
/// written `\xHH`: a name can neither break a line, steer a terminal nor look like another one.
std::string display_path(std::string_view raw);

/// The name that a folder's own name gives to its repository: as escape_path, with control
/// characters written `\xHH`. It is a key of stored rows, so what it escapes must not change.
std::string name_from_path(std::string_view raw);

}  // namespace forkdex
