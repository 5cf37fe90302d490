// Workers that cannot start: no other one could, so the run ends at once and says why, whether they
// are to read files or to embed texts.

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/corpus.h"
#include "tests/support/database.h"
#include "tests/support/index_run.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;

/// An installation whose worker is the shell script `body`.
struct BrokenInstallation {
  explicit BrokenInstallation(const std::string& body) {
    fs::create_directories(bin());
    fs::create_directory_symlink(deps_folder(), folder / "build" / "deps");
    fs::copy_file(program_path("supervisor"), bin() / "supervisor");
    std::ofstream(bin() / "worker") << "#!/bin/sh\n" << body << "\n";
    fs::permissions(bin() / "worker", fs::perms::owner_all);
  }
  fs::path bin() const { return folder / "build" / "release" / "bin"; }
  TemporaryFolder folder;
};

Ended index_with(const BrokenInstallation& installation, const Database& database) {
  Command command = index_command(corpus("rxjs-7.8.2") / "src" / "internal/operators", database,
                                  installation.folder / "report.json", {"--workers", "2"});
  command.arguments.front() = (installation.bin() / "supervisor").string();
  return run(command, std::chrono::seconds(60));
}

TEST_CASE("start: a library that is missing ends the run at once, with the loader's words") {
  const Database database;
  // What ld.so does when it cannot find one.
  const BrokenInstallation installation(
      "echo 'worker: error while loading shared libraries: libgit2.so' >&2; exit 127");
  const Ended ended = index_with(installation, database);
  INFO(ended.text());
  CHECK(ended.status == 70);
  CHECK(ended.err.find("exited with status 127") != std::string::npos);
  CHECK(ended.err.find("error while loading shared libraries: libgit2.so") != std::string::npos);
  CHECK(ended.elapsed.count() < 10);
}

TEST_CASE("start: a worker that crashes before it is ready ends the run at once") {
  const Database database;
  const BrokenInstallation installation("kill -ILL $$");
  const Ended ended = index_with(installation, database);
  INFO(ended.text());
  CHECK(ended.status == 70);
  CHECK(ended.err.find("signal 4 (Illegal instruction)") != std::string::npos);
}

TEST_CASE("start: a worker that is no program ends the run at once") {
  const Database database;
  const BrokenInstallation installation("");
  fs::remove(installation.bin() / "worker");
  const Ended ended = index_with(installation, database);
  INFO(ended.text());
  CHECK(ended.status == 70);
  CHECK(ended.err.find("worker cannot be run (No such file or directory)") != std::string::npos);
}

TEST_CASE("start: the library that embeds is missing -> files stay stored, the run ends at once") {
  const Database database;
  const BrokenInstallation installation("");
  fs::copy_file(program_path("worker"), installation.bin() / "worker",
                fs::copy_options::overwrite_existing);
  const Ended ended = index_with(installation, database);
  INFO(ended.text());
  CHECK(ended.status == 70);
  CHECK(ended.err.find("the library that embeds texts cannot be loaded") != std::string::npos);
  CHECK(database.value("SELECT count(*) FROM forkdex.files WHERE state = 'indexed'") != "0");
  CHECK(database.value("SELECT count(*) FROM forkdex.files WHERE state <> 'indexed'") == "0");
  CHECK(database.value("SELECT count(*) FROM forkdex.vectors") == "0");
}

TEST_CASE("start: workers that crash before they can embed, after others have read -> the same") {
  const Database database;
  const TemporaryFolder seen;
  const std::string started = (seen / "started").string();
  const BrokenInstallation installation("test -e '" + started + "' && kill -ILL $$; touch '" +
                                        started + "'; exec '" + program_path("worker").string() +
                                        "' \"$@\"");
  const Ended ended = index_with(installation, database);
  INFO(ended.text());
  CHECK(ended.status == 70);
  CHECK(ended.err.find("signal 4 (Illegal instruction)") != std::string::npos);
  CHECK(database.value("SELECT count(*) FROM forkdex.files WHERE state = 'indexed'") != "0");
  CHECK(ended.elapsed.count() < 20);
}

}  // namespace
}  // namespace forkdex::test
