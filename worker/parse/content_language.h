#pragma once

// Which language a file is in by what stands in it: its first line may name an interpreter, and a
// line for Emacs or Vim a mode. Only asked where the file's name says nothing. Pure.

#include <optional>
#include <string_view>

namespace forkdex {

/// The language id of the file at `path` with these bytes: by its name or else by its content,
/// "text" where neither says one. Static storage.
std::string_view language_of_file(std::string_view path, std::string_view bytes);

/// The language that the content says, in this order: by a line for Emacs or Vim, by the
/// interpreter after "#!", by an XML declaration. REQUIRES that a byte order mark is left out.
std::optional<std::string_view> language_of_content(std::string_view text);

}  // namespace forkdex
