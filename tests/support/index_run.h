#pragma once

// One `supervisor index` with a report, and what must be true of every one.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/program.h"

namespace forkdex::test {

struct IndexRun {
  Ended ended;
  nlohmann::json report;  ///< null when none was written
};

/// The command line that indexes `root` into `database`, writing its report to `report`.
Command index_command(const std::filesystem::path& root, const Database& database,
                      const std::filesystem::path& report,
                      const std::vector<std::string>& options = {});

/// Runs index_command to its end.
IndexRun index(const std::filesystem::path& root, const Database& database,
               const std::vector<std::string>& options = {});

/// What a run over `root` that nothing disturbs makes of it, into a database of its own. Throws
/// std::runtime_error where it does not end with 0.
Dump undisturbed(const std::filesystem::path& root, const std::string& repository);

/// The files of a report that ended in `state`.
int files_in(const nlohmann::json& report, const std::string& state);

/// What is wrong with the sums of a completed run: states against the total, and both against the
/// rows in the database. Empty when all agree.
std::vector<std::string> contradictions(const nlohmann::json& report, const Database& database);

/// The `"event":"file"` lines of --progress json that `stderr_text` holds.
int finished_files(const std::string& stderr_text);

/// Waits until `program`, with --progress json, has finished `count` files or has ended. Returns
/// how many it has.
int wait_for_files(Program& program, int count);

/// How far --progress json has told in `stderr_text` that the run is: files, then each number of
/// texts.
int steps_told(const std::string& stderr_text);

/// Waits until `program`, with --progress json, is further than `told` or has ended. Returns
/// steps_told.
int wait_for_step(Program& program, int told);

}  // namespace forkdex::test
