#pragma once

// Patterns for paths, as git reads them; ignore rules and the --include, --exclude and --path
// options share them. Pure; time is bounded by pattern times text, whatever the pattern.

#include <string_view>

namespace forkdex {

/// Whether the whole of `text` matches `pattern`. `?` is one byte but '/'; `*` a run without '/';
/// `**` between slashes or at an end any number of folders; `[a-z]`, `[!a]`, `[[:alpha:]]` a byte
/// of a set, never '/'; a backslash takes the next byte as it is. A malformed pattern matches
/// nothing. `fold_case` compares ASCII letters as core.ignorecase makes git do it.
bool wildmatch(std::string_view pattern, std::string_view text, bool fold_case = false);

/// Whether `pattern` can match anything: every set is closed, its classes are known, and the last
/// backslash has a byte to take.
bool is_glob(std::string_view pattern);

/// Whether two byte strings are equal, by ASCII case folding where `fold_case` says so.
bool equal_bytes(std::string_view left, std::string_view right, bool fold_case);

/// Whether `path` (relative, '/'-separated) or a folder above it is named by `pattern`: without a
/// '/' it is compared with base names, else with whole paths from the root; a leading '/' anchors
/// and a trailing one asks for a folder. So `vendor`, `/src/**/gen/` and `*.min.js` do what they do
/// in an ignore file.
bool glob_match(std::string_view pattern, std::string_view path);

}  // namespace forkdex
