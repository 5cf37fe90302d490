#pragma once

// What --version prints. A library of its own: each commit compiles and links it again.

#include <string>

namespace forkdex {

/// "forkdex 0.1.0 (5c4f20d)", newline included: the version and the commit that was built,
/// "-dirty" after it where files that git tracks had changed. Without git, no commit.
std::string version_text();

}  // namespace forkdex
