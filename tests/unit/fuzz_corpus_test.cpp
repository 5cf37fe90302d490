// The kept inputs of tests/fuzz, among them every one that once broke something.

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>

#include <catch2/catch.hpp>

#include "tests/fuzz/fuzz_target.h"
#include "tests/support/temporary_folder.h"

namespace {

namespace fs = std::filesystem;

const fs::path kCorpus = fs::path(FORKDEX_SOURCE_DIR) / "tests/fuzz/corpus";

}  // namespace

TEST_CASE("fuzz: what must hold for any bytes holds for those that are kept", "[regression]") {
  for (const auto& target : forkdex::fuzz::targets()) {
    std::size_t inputs = 0;
    for (const auto& entry : fs::directory_iterator(kCorpus / target.name)) {
      INFO(entry.path());
      CHECK_NOTHROW(target.check(forkdex::test::read_file(entry.path())));
      ++inputs;
    }
    INFO(target.name);
    CHECK(inputs > 0);
    CHECK_NOTHROW(target.check(""));
  }
}

TEST_CASE("fuzz: every folder of kept inputs belongs to a target") {
  std::set<std::string> folders;
  for (const auto& entry : fs::directory_iterator(kCorpus))
    folders.insert(entry.path().filename().string());
  std::set<std::string> targets;
  for (const auto& target : forkdex::fuzz::targets()) targets.emplace(target.name);
  CHECK(folders == targets);
}
