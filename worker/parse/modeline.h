#pragma once

#include <string>
#include <string_view>

namespace forkdex {

/// The mode that a line for Emacs (`-*- mode: python -*-`, in the first line or after "#!" in the
/// second; `mode:` among the local variables at the end) or for Vim (`vim: set ft=python:`, in the
/// first or last five lines) gives the file; lower case, empty where there is none.
std::string editor_mode_of(std::string_view text);

}  // namespace forkdex
