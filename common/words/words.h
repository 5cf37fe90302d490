#pragma once

// Text as words to search by: the same for what is stored and for what is asked. Pure.

#include <cstddef>
#include <functional>
#include <string_view>

namespace forkdex {

/// Longer words are left out, because nobody types them. Their parts are not.
inline constexpr std::size_t kMaxWordBytes = 64;

/// Calls `visit` for each word of `text` (UTF-8; ill-formed bytes separate words), in order and in
/// lower case. An identifier is a word as it stands and, where there are several, each of the parts
/// that `_`, `$`, capitals and digits cut it into: "parseHTTPHeader2" gives "parsehttpheader2",
/// "parse", "http" and "header". Parts of one character are left out. Ideographs and kana, which no
/// space separates, give each pair of neighbours.
/// What is visited is valid during the call.
void for_each_word(std::string_view text, const std::function<void(std::string_view word)>& visit);

}  // namespace forkdex
