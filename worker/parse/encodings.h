#pragma once

// The character encodings that a file can declare, and their conversion by the C library's iconv.
// One thread. iconv loads a module for each encoding, which the sandbox does not allow: the worker
// opens them all before it enters it.

#include <cstddef>
#include <functional>
#include <string_view>

namespace forkdex {

struct Encoding {
  std::string_view name;  ///< iconv's
  std::string_view keys;  ///< Python's names and aliases, lower case, letters and digits alone
  bool is_stateful =
      false;  ///< escape sequences in ASCII; in the others a byte below 0x80 is ASCII
};

/// The encoding that `label` names as Python spells it, whatever its case, hyphens, underscores and
/// spaces; nullptr where there is none. UTF-8 has the name "UTF-8". Static storage.
const Encoding* encoding_named(std::string_view label);

/// The same as a browser reads a label in HTML or CSS: the Latin-1 of a page is Windows-1252.
const Encoding* web_encoding_named(std::string_view label);

/// Opens every encoding, so that later conversions open no file. BLOCKS while modules load: 10 ms.
void open_encodings();

/// Gives `take` each character of `bytes` with the number of bytes that it takes there, in order;
/// U+FFFD for a byte that is none of `encoding`. Gives false where this machine has no conversion,
/// before `take` was called.
bool convert(const Encoding& encoding, std::string_view bytes,
             const std::function<void(char32_t, std::size_t)>& take);

}  // namespace forkdex
