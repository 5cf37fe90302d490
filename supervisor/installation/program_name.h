#pragma once

#include <string_view>

namespace forkdex {

/// The name to call this program by in help and messages: "forkdex" where it was started under
/// that name, as where it is installed; else "supervisor".
std::string_view program_name();

/// The same for a program that was started by `path`.
std::string_view program_name(std::string_view path);

}  // namespace forkdex
