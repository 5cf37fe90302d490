#pragma once

// What the user asked for. Every option stands in one table (settings_table.cpp) with its default,
// range and sentence; the command line, FORKDEX_… variables, the JSON file of --config, --help and
// docs/configuration.md all come from it. Flags win over the environment, that over the file.
// Nothing here prints or exits; only the --config file is read.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/shard.h"
#include "common/error/result.h"
#include "common/model/precision.h"
#include "supervisor/installation/environment.h"
#include "supervisor/terminal/log.h"

namespace forkdex {

enum class Subcommand : std::uint8_t {
  kIndex,
  kSearch,
  kStatus,
  kFailures,
  kRemove,
  kDatabase,
  kDoctor,
};
/// How many there are; kDoctor is the last.
inline constexpr std::size_t kSubcommandCount = static_cast<std::size_t>(Subcommand::kDoctor) + 1;

enum class Device : std::uint8_t { kAuto, kCpu };
enum class ProgressStyle : std::uint8_t { kAuto, kBar, kPlain, kJson, kNone };
enum class Verbosity : std::uint8_t { kNormal, kQuiet, kVerbose };

/// Defaults are those of the table (a test compares them).
struct Settings {
  std::string repository;  ///< empty: named after the folder
  std::string rev;         ///< a commit to index from the object store; empty: the work tree
  std::optional<unsigned> workers;          ///< none: what cores and memory allow
  std::string database_url;                 ///< secret; empty: the embedded database
  std::filesystem::path code_model;         ///< empty: the bundled one; "none": no code view
  std::filesystem::path text_model;         ///< empty: the bundled one; "none": no text view
  std::optional<std::uint32_t> dimensions;  ///< of vectors; none: as the folder says
  std::optional<std::string> query_prefix;  ///< none: as the model's folder says; next one too
  std::optional<std::string> document_prefix;
  Precision precision = Precision::kAuto;
  Device device = Device::kAuto;
  std::uint64_t max_file_size = 10 << 20;          ///< bytes; a larger file is skipped as too_large
  std::optional<std::uint64_t> memory_per_worker;  ///< bytes; none: what memory allows
  std::uint32_t file_timeout = 60;                 ///< seconds a file may stay in one stage unmoved
  std::uint32_t database_timeout = 120;            ///< seconds a lost database is waited for
  std::uint32_t in_flight = 16;                    ///< files a worker may hold
  std::uint32_t batch_tokens = 2048;               ///< tokens of one forward pass
  std::vector<std::string> include;                ///< globs; empty: every path
  std::vector<std::string> exclude;                ///< globs; wins over include
  std::vector<std::string> languages;              ///< language ids; empty: every language
  std::optional<Shard> shard;                      ///< none: every file
  std::string files_from;           ///< a file of paths, "-" for standard input; empty: every file
  std::uint32_t keep_vectors = 30;  ///< days that a vector is kept once nothing needs it
  bool full = false;
  bool retry_failed = false;
  bool wait = false;
  bool no_graph = false;
  bool no_commits = false;
  ProgressStyle progress = ProgressStyle::kAuto;
  std::string report;  ///< a file, "-" for standard output, empty for none
  Verbosity verbosity = Verbosity::kNormal;
  LogFormat log_format = LogFormat::kText;
  // What a question narrows and how its answer is printed.
  std::uint32_t limit = 10;
  std::string language;
  std::string path_glob;
  std::string kind;
  bool json = false;

  bool operator==(const Settings&) const = default;
};

/// A command line, understood.
struct Invocation {
  enum class Request : std::uint8_t { kRun, kHelp, kVersion };
  Request request = Request::kRun;
  Subcommand subcommand = Subcommand::kIndex;
  bool subcommand_named = false;  ///< false: the first argument was no subcommand
  Settings settings;
  /// What is no option, without the subcommand; as many as the subcommand takes.
  std::vector<std::string> arguments;
};

/// Understands `words` (a command line without the program's name), the variables and the --config
/// file. Settings that the subcommand does not use keep their defaults.
/// ERRORS kUsage for a flag or argument, kConfigInvalid for a variable or the file; the sentence
/// says what was given, what is wrong and what to do, and never holds a database URL.
Result<Invocation> parse_invocation(const std::vector<std::string>& words,
                                    const Environment& environment);

/// The text of --help: of the whole program, or of the subcommand that was named.
std::string help_text(const Invocation& invocation);

/// docs/configuration.md.
std::string configuration_page();

/// The subcommand as it is typed.
std::string_view name(Subcommand subcommand);

}  // namespace forkdex
