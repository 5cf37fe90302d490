#pragma once

// What a chunk says of itself in words: the text that the text model embeds. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "worker/parse/chunk.h"
#include "worker/parse/outline.h"
#include "worker/parse/pieces.h"

namespace forkdex {

inline constexpr std::size_t kMaxTextViewBytes = 65536;  // more than 8192 tokens

/// The words of an identifier or path, in lower case with single spaces between them: cut where
/// letters and digits end, and where a capital begins a word ("parseHTTPHeader2" is "parse http
/// header 2"). Bytes beyond ASCII are letters.
std::string words_of(std::string_view name);

/// Gives each of `chunks`, made of `pieces` in this order, its text view: "path words: name words",
/// then its docstring and the comments in it, a line each. Of a document it is the path's words and
/// the section as it is. `language` is that of the path.
void add_text_views(std::string_view path, std::string_view language, std::string_view text,
                    const Outline& outline, const std::vector<Piece>& pieces,
                    std::vector<Chunk>& chunks);

}  // namespace forkdex
