#include "tests/support/corpus.h"

#include <stdexcept>

#include "tests/support/program.h"

namespace forkdex::test {

std::filesystem::path corpus(const std::string& name) {
  const std::filesystem::path folder = source_folder() / "build/corpus" / name;
  if (!std::filesystem::is_directory(folder)) {
    throw std::runtime_error(folder.string() + " is missing: run tests/corpus/fetch");
  }
  return folder;
}

}  // namespace forkdex::test
