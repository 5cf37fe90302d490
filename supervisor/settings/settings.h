#pragma once

// The settings of a command. One table (settings_table.cpp) has a row for every option with its
// default, range and sentence. The command line, the FORKDEX_… variables, the JSON file of
// --config,
// --help and docs/configuration.md are made from it. A flag overrides a variable, and a variable
// overrides the file. These functions do not print or exit, and read no file but that of --config.

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
/// Number of subcommands; kDoctor is the last.
inline constexpr std::size_t kSubcommandCount = static_cast<std::size_t>(Subcommand::kDoctor) + 1;

/// What `database` can be told to do.
inline constexpr std::string_view kDatabaseStart = "start";
inline constexpr std::string_view kDatabaseStop = "stop";
inline constexpr std::string_view kDatabaseAsUrl = "url";
inline constexpr std::string_view kDatabaseIndex = "index";

enum class Device : std::uint8_t { kAuto, kCpu };
enum class ProgressStyle : std::uint8_t { kAuto, kBar, kPlain, kJson, kNone };
enum class Verbosity : std::uint8_t { kNormal, kQuiet, kVerbose };

/// The defaults equal those of the table (a test compares them).
struct Settings {
  std::string repository;  ///< empty: named after the folder
  std::string rev;         ///< a commit to index from the object store; empty: the work tree
  std::optional<unsigned> workers;             ///< none: what cores and memory allow
  std::string database_url;                    ///< secret; empty: the embedded database
  std::filesystem::path code_model;            ///< empty: the bundled one; "none": no code view
  std::filesystem::path text_model;            ///< empty: the bundled one; "none": no text view
  std::optional<std::uint32_t> dimensions;     ///< of vectors; none: as the model's folder says
  std::optional<std::string> query_prefix;     ///< none: the prompt of the model's folder
  std::optional<std::string> document_prefix;  ///< none: the prompt of the model's folder
  Precision precision = Precision::kAuto;
  Device device = Device::kAuto;
  std::uint64_t max_file_size = 10 << 20;          ///< bytes; a larger file is skipped as too_large
  std::optional<std::uint64_t> memory_per_worker;  ///< bytes; none: what memory allows
  std::uint32_t file_timeout = 60;                 ///< seconds without progress in one stage
  std::uint32_t database_timeout = 120;            ///< seconds to wait for a lost database
  std::uint32_t in_flight = 16;                    ///< files a worker may hold
  std::uint32_t batch_tokens = 2048;               ///< tokens of one forward pass
  std::vector<std::string> include;                ///< globs; empty: every path
  std::vector<std::string> exclude;                ///< globs; wins over include
  std::vector<std::string> languages;              ///< language ids; empty: every language
  std::optional<Shard> shard;                      ///< none: every file
  std::string files_from;           ///< a file of paths, "-" for standard input; empty: every file
  std::uint32_t keep_vectors = 30;  ///< days to keep a vector that nothing refers to
  bool full = false;
  bool retry_failed = false;
  bool wait = false;
  bool no_graph = false;
  bool no_commits = false;
  bool no_vectors = false;
  ProgressStyle progress = ProgressStyle::kAuto;
  std::string report;  ///< a file, "-" for standard output, empty for none
  Verbosity verbosity = Verbosity::kNormal;
  LogFormat log_format = LogFormat::kText;
  // Options of search: filters, the number of results, and the format of the answer.
  bool words = false;  ///< by words alone
  std::uint32_t limit = 10;
  std::string language;
  std::string path_glob;
  std::string kind;
  bool json = false;

  bool operator==(const Settings&) const = default;
};

/// A parsed command line.
struct Invocation {
  enum class Request : std::uint8_t { kRun, kHelp, kVersion };
  Request request = Request::kRun;
  Subcommand subcommand = Subcommand::kIndex;
  bool subcommand_named = false;  ///< false: the first argument is not a subcommand
  Settings settings;
  /// The words after the subcommand that are not options; as many as the subcommand takes.
  std::vector<std::string> arguments;
};

/// Parses `words` (a command line without the program's name), the variables and the --config file.
/// Settings that the subcommand does not use keep their defaults.
/// ERRORS kUsage for a flag or argument, kConfigInvalid for a variable or the file; the sentence
/// says what was given, what is wrong and what to do, and does not hold a database URL.
Result<Invocation> parse_invocation(const std::vector<std::string>& words,
                                    const Environment& environment);

/// Returns the text of --help: of the subcommand that was named, else of the whole program.
std::string help_text(const Invocation& invocation);

/// Returns the text of docs/configuration.md.
std::string configuration_page();

/// Returns the subcommand's word on the command line.
std::string_view name(Subcommand subcommand);

}  // namespace forkdex
