#pragma once

#include <filesystem>
#include <string>

namespace forkdex::test {

/// The folder of a repository that tests/corpus/fetch has put under build/corpus, by its name and
/// version, e.g. "rxjs-7.8.2". Throws std::runtime_error when it is not there.
std::filesystem::path corpus(const std::string& name);

}  // namespace forkdex::test
