#pragma once

// What a definition says of itself, as words: its signature, docstring and decorators. Pure.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "worker/parse/outline.h"

namespace forkdex {

inline constexpr std::size_t kMaxSignatureBytes = 512;
inline constexpr std::size_t kMaxDocstringBytes = 65536;
inline constexpr std::size_t kMaxDecorators = 32;

/// The definition from its first keyword to its body, on one line: no decorators, no comments, no
/// bracket or colon that opens the body. At most kMaxSignatureBytes.
std::string signature_of(const Definition& definition, const Outline& outline,
                         std::string_view text);

/// What the language's tools show of the definition: Python's docstring; else the last comment that
/// JSDoc reads ("/** ... */") above it or among its decorators, or without one the "//" lines
/// there. Comments to tools (worker/parse/pragma.h) are left out. Comments are without markers,
/// dedented. At most kMaxDocstringBytes.
std::string docstring_of(const Definition& definition, const Outline& outline,
                         std::string_view text);

/// The file's own docstring, as Python has them, or empty. At most kMaxDocstringBytes.
std::string docstring_of_file(const Outline& outline, std::string_view text);

/// The text of a comment in any style: without markers, dedented.
std::string comment_text(std::string_view comment);

/// The definition's decorators as written, on one line each, in order.
std::vector<std::string> decorators_of(const Definition& definition, const Outline& outline,
                                       std::string_view text);

}  // namespace forkdex
