#pragma once

// What a file says of its own encoding. Pure.

#include <optional>
#include <string_view>

namespace forkdex {

/// The label of the encoding that `bytes` declare as a file of `language` does: Python by a comment
/// of PEP 263 in its first two lines, CSS and its dialects by @charset, XML by its declaration,
/// HTML by a meta element in its first 1,024 bytes. Nothing where they declare none. REQUIRES that
/// a byte order mark is left out.
std::optional<std::string_view> declared_encoding(std::string_view bytes,
                                                  std::string_view language);

/// Whether a label in `language` means what browsers mean by it.
bool declares_for_browsers(std::string_view language);

}  // namespace forkdex
