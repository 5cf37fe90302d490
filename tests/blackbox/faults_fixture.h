#pragma once

// What tests of faults share: a small tree, and the programs that fail where they are told to
// (common/error/fault.h).

#include <filesystem>
#include <string>

#include "tests/blackbox/words_fixture.h"
#include "tests/support/corpus.h"

namespace forkdex::test {

namespace fs = std::filesystem;

/// A dozen small real files, and one that holds nothing for the ledger to write down.
struct SmallTree {
  SmallTree() {
    const fs::path operators = corpus("rxjs-7.8.2") / "src/internal/operators";
    for (const char* name : {"map.ts", "first.ts", "last.ts", "skip.ts", "take.ts", "every.ts",
                             "count.ts", "delay.ts", "retry.ts", "isEmpty.ts", "max.ts", "min.ts"})
      fs::copy_file(operators / name, folder / name);
    folder.write("picture.png", std::string("\x89PNG\0\0", 6));
  }
  TemporaryFolder folder;
};

inline constexpr int kFiles = 13;

inline Command faulty(const fs::path& root, const Database& database, const fs::path& report,
                      const std::string& fault, Strings options) {
  options.insert(options.begin(), {"--repository", "r", "--workers", "2"});
  Command command = index_command(root, database, report, options);
  command.arguments.front() =
      (program_path("supervisor").parent_path().parent_path() / "faulty/supervisor").string();
  command.environment["FORKDEX_FAULT"] = fault;
  return command;
}

}  // namespace forkdex::test
