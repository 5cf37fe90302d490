#pragma once

#include <string>
#include <string_view>

namespace forkdex {

/// The program that runs a script with these first lines, without folder and version ("python" of
/// "#!/usr/bin/env -S python3.11 -u"): behind `env` and its options, behind runners such as npx,
/// and where a shell script hands itself to another interpreter by `exec`. Empty where the first
/// line is no "#!".
std::string interpreter_of(std::string_view head);

}  // namespace forkdex
