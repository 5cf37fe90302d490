#pragma once

// The query files of worker/languages and the pins of the grammars, compiled in. Defined in a file
// that the build generates.

#include <string_view>

namespace forkdex::queries {

extern const std::string_view ecma;
extern const std::string_view javascript;
extern const std::string_view typescript;
extern const std::string_view cast;
extern const std::string_view python;

/// One line a package: name, version, integrity hash, as the lock file pins them.

}  // namespace forkdex::queries
