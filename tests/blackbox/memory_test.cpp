// What a run takes: one copy of the weights for all workers, and a small supervisor.

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/corpus.h"
#include "tests/support/database.h"
#include "tests/support/index_run.h"
#include "tests/support/processes.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait_until.h"

namespace forkdex::test {
namespace {

/// The figure called `field` (kB) over the mappings of `pid` whose line ends with `file`; all of
/// /proc/PID/status's where `file` is empty. In bytes.
std::uint64_t bytes_of(int pid, const std::string& field, const std::string& file) {
  std::istringstream lines(proc_file(pid, file.empty() ? "status" : "smaps"));
  std::uint64_t sum = 0;
  bool counts = file.empty();
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first;
    std::uint64_t kibibytes = 0;
    words >> first;
    if (!first.empty() && first.back() != ':') counts = line.ends_with(file);
    if (counts && first == field + ":" && words >> kibibytes) sum += kibibytes * 1024;
  }
  return sum;
}

TEST_CASE("memory: four workers share one copy of the weights, the supervisor is small") {
  const Database database;
  const TemporaryFolder folder;
  const std::string file = "-2.safetensors";  // the weights as the encoder wants them
  Program program(index_command(corpus("rxjs-7.8.2") / "src", database, folder / "report.json",
                                {"--repository", "rxjs", "--workers", "4"}));
  std::uint64_t weights = 0;
  std::uint64_t shared = 0;
  std::string seen;
  // All four have read most of the weights once each has embedded something. The word embeddings
  // are a half of them, and only those of words that occurred are touched.
  wait_until(
      "four workers hold the weights",
      [&] {
        shared = 0;
        seen.clear();
        std::size_t holding = 0;
        for (const int worker : descendants_named(program.pid(), "worker")) {
          weights = bytes_of(worker, "Size", file);
          holding += weights > 0 && bytes_of(worker, "Rss", file) > weights / 2;
          shared += bytes_of(worker, "Pss", file);
          CHECK(bytes_of(worker, "Private_Dirty", file) == 0);
          seen += std::to_string(bytes_of(worker, "Rss", file)) + " ";
        }
        return holding == 4 || !program.running();
      },
      [&] { return seen; }, std::chrono::seconds(60));
  REQUIRE(program.running());
  CHECK(shared <= weights);
  CHECK(bytes_of(program.pid(), "VmHWM", "") < 64ULL << 20);
  program.signal(SIGTERM);
  CHECK(program.wait(std::chrono::seconds(60)).signal == SIGTERM);
}

}  // namespace
}  // namespace forkdex::test
