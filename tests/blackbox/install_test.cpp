// `cmake --install` of the build that is tested, into a folder.

#include <catch2/catch.hpp>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/index_run.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;

Ended answer(const std::vector<std::string>& arguments) {
  Command command;
  command.arguments = arguments;
  return run(command);
}

/// The folders in which the program at `path` looks for libraries before the system's.
std::vector<std::string> library_folders(const fs::path& path) {
  const std::string dynamic = answer({"/usr/bin/env", "readelf", "-d", path.string()}).out;
  const std::size_t entry = dynamic.find("unpath: [");
  if (entry == std::string::npos) return {};
  const std::size_t start = dynamic.find('[', entry) + 1;
  std::istringstream list(dynamic.substr(start, dynamic.find(']', start) - start) + ':');
  std::vector<std::string> folders;
  for (std::string folder; std::getline(list, folder, ':');) folders.push_back(folder);
  return folders;
}

}  // namespace

TEST_CASE(
    "install: puts programs, the name forkdex and the library that embeds under a prefix, and "
    "they index") {
  const TemporaryFolder folder;
  const fs::path prefix = folder / "usr";
  fs::create_directory_symlink(deps_folder(), folder / "deps");
  const fs::path build = program_path("supervisor").parent_path().parent_path();
  const Ended installed =
      answer({"/usr/bin/env", "cmake", "--install", build.string(), "--prefix", prefix.string()});
  INFO(installed.text());
  REQUIRE(installed.status == 0);
  const fs::path bin = prefix / "bin";
  CHECK(fs::read_symlink(bin / "forkdex") == "supervisor");
  CHECK(answer({(bin / "forkdex").string(), "--version"}).out.starts_with("forkdex "));
  const Ended worker = answer({(bin / "worker").string(), "--version"});
  INFO(worker.text());
  CHECK(worker.out.starts_with("worker "));

  const Database database;
  const TemporaryFolder tree;
  tree.write("hello.py", "def greet(name):\n    return 'hello ' + name\n");
  Command command = index_command(tree.path(), database, folder / "report.json");
  command.arguments.front() = (bin / "forkdex").string();
  const Ended indexed = run(command);
  INFO(indexed.text());
  CHECK(indexed.status == 0);
  CHECK(database.value("SELECT count(*) FROM forkdex.vectors") != "0");
}

TEST_CASE(
    "install: the library that embeds looks for libraries in no folder relative to the "
    "working one") {
  const std::vector<std::string> folders =
      library_folders(program_path("worker").parent_path() / "libforkdex_embedder.so");
  REQUIRE_FALSE(folders.empty());
  for (const std::string& folder : folders) {
    INFO('"' << folder << '"');
    CHECK((folder.starts_with('/') || folder.starts_with("$ORIGIN/")));
  }
}

}  // namespace forkdex::test
