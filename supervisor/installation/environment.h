#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace forkdex {

/// Environment variables by name, given to what reads them so that a test can give others.
using Environment = std::map<std::string, std::string, std::less<>>;

/// This process's variables.
Environment current_environment();

/// The value of `name`; empty when it is unset or empty, which mean the same to us.
std::string_view value_of(const Environment& environment, std::string_view name);

}  // namespace forkdex
