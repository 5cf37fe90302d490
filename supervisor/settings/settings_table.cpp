#include "supervisor/settings/settings_table.h"

#include <algorithm>
#include <array>

#include "common/protocol/segment.h"
#include "supervisor/settings/settings_values.h"

namespace forkdex {
namespace {

constexpr std::array<std::string_view, 2> kDevices = {"auto", "cpu"};
constexpr std::array<std::string_view, 5> kStyles = {"auto", "bar", "plain", "json", "none"};
constexpr std::array<std::string_view, 2> kLogFormats = {"text", "json"};

using enum Subcommand;
constexpr SubcommandSet kIndexOnly = set_of(kIndex);
constexpr SubcommandSet kSearchOnly = set_of(kSearch);
constexpr SubcommandSet kModelUsers = kIndexOnly | kSearchOnly;
constexpr SubcommandSet kQuestions =
    kSearchOnly | set_of(kStatus) | set_of(kFailures) | set_of(kDoctor);
constexpr SubcommandSet kAll = kIndexOnly | kQuestions | set_of(kRemove) | set_of(kDatabase);
constexpr SubcommandSet kDatabaseUsers = kAll & ~set_of(kDatabase);

constexpr Sources kFlagOnly = Sources::kFlagOnly;
constexpr std::string_view kFlagRange = "1, true, yes, on, 0, false, no or off";

// clang-format off
constexpr std::array kSubcommands = {
    SubcommandRow{.subcommand = kIndex, .name = "index", .arguments = "PATH|URL",
                  .sentence = "index or update one repository (the default)"},
    SubcommandRow{.subcommand = kSearch, .name = "search", .arguments = "QUERY",
                  .sentence = "find the code nearest in meaning to QUERY"},
    SubcommandRow{.subcommand = kStatus, .name = "status", .arguments = "[NAME]",
                  .least_arguments = 0,
                  .sentence = "list repositories, their file states and last run"},
    SubcommandRow{.subcommand = kFailures, .name = "failures", .arguments = "NAME",
                  .sentence = "list every file that is not searchable, and why"},
    SubcommandRow{.subcommand = kRemove, .name = "remove", .arguments = "NAME",
                  .sentence = "delete one repository's data"},
    SubcommandRow{.subcommand = kDatabase, .name = "database", .arguments = "start|stop|url",
                  .sentence = "run the embedded database until it is stopped, stop it, or print its "
                              "URL"},
    SubcommandRow{.subcommand = kDoctor, .name = "doctor", .least_arguments = 0,
                  .most_arguments = 0,
                  .sentence = "show what this machine offers and what would be chosen"},
};
// clang-format on

constexpr bool in_order(std::span<const SubcommandRow> rows) {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].subcommand != static_cast<Subcommand>(i)) return false;
  return true;
}
static_assert(kSubcommands.size() == kSubcommandCount && in_order(kSubcommands),
              "every Subcommand must have its row, in the order of the enum");

constexpr std::array<std::string_view, 3> kReserved = {"graph", "mcp", "serve"};

// clang-format off
constexpr std::array kTable = {
    SettingRow{.name = "repository", .value = "NAME",
               .range = "1 to 1024 bytes of UTF-8 without control characters",
               .sentence = "The repository's name, by default the last part of the folder; search "
                           "stays in it.",
               .subcommands = kModelUsers, .set = set_utf8<&Settings::repository, 1024>},
    SettingRow{.name = "rev", .value = "REV",
               .range = "1 to 1024 bytes of UTF-8 without control characters",
               .sentence = "Index this branch, tag or commit of PATH instead of its work tree, "
                           "under PATH's name: the rows become those of REV. A bare repository "
                           "means its HEAD.",
               .subcommands = kIndexOnly, .set = set_utf8<&Settings::rev, 1024>},
    SettingRow{.name = "workers", .value = "N|auto", .default_value = "auto",
               .range = "a whole number from 1 to 256, or auto",
               .sentence = "Worker processes; auto is what cores and memory allow.",
               .subcommands = kIndexOnly, .set = set_number_or_auto<&Settings::workers, 1, 256>},
    SettingRow{.name = "database-url", .value = "URL",
               .range = "a postgresql:// URL",
               .sentence = "The PostgreSQL to use; by default DATABASE_URL, else the embedded one.",
               .subcommands = kDatabaseUsers, .secret = true, .set = set_database_url},
    SettingRow{.name = "code-model", .value = "DIR|none",
               .range = "a folder, or none",
               .sentence = "The Hugging Face model folder for the source of chunks, by default "
                           "the bundled one; none leaves them to the text model.",
               .subcommands = kModelUsers | set_of(kDoctor),
               .set = set_text<&Settings::code_model, 4096>},
    SettingRow{.name = "text-model", .value = "DIR|none",
               .range = "a folder, or none",
               .sentence = "The model folder for names, comments, documents and commit messages, "
                           "by default the bundled one; none leaves messages to the code model "
                           "and the rest out.",
               .subcommands = kModelUsers | set_of(kDoctor),
               .set = set_text<&Settings::text_model, 4096>},
    SettingRow{.name = "dimensions", .value = "N|auto", .default_value = "auto",
               .range = "a whole number from 1 to 65536, or auto",
               .sentence = "Keep the first N values of each vector, for models trained so that "
                           "they may be cut off; auto is as many as the folder says. A search "
                           "needs the same.",
               .subcommands = kModelUsers | set_of(kDoctor), .set = set_number_or_auto<&Settings::dimensions, 1, 65536>},
    SettingRow{.name = "query-prefix", .value = "TEXT",
               .range = "at most 1024 bytes of UTF-8",
               .sentence = "Goes before every query, instead of what the model's folder says.",
               .subcommands = kModelUsers | set_of(kDoctor),
               .set = set_prefix<&Settings::query_prefix>},
    SettingRow{.name = "document-prefix", .value = "TEXT",
               .range = "at most 1024 bytes of UTF-8",
               .sentence = "Goes before every text that is indexed, instead of what the model's "
                           "folder says. A search needs the same.",
               .subcommands = kModelUsers | set_of(kDoctor),
               .set = set_prefix<&Settings::document_prefix>},
    SettingRow{.name = "precision", .value = "P", .default_value = "auto",
               .range = "auto, fp32 or bf16",
               .sentence = "The numbers that the model computes with; auto is what the processor "
                           "is fastest with.",
               .subcommands = kModelUsers | set_of(kDoctor),
               .set = set_choice<&Settings::precision, kPrecisionNames>},
    SettingRow{.name = "device", .value = "D", .default_value = "auto",
               .range = "auto or cpu",
               .sentence = "Reserved: auto and cpu both run the models on the processor; this "
                           "version uses nothing else.",
               .subcommands = kModelUsers, .set = set_choice<&Settings::device, kDevices>},
    SettingRow{.name = "max-file-size", .value = "SIZE", .default_value = "10MiB",
               .range = "a size from 1 to 1GiB, such as 512K or 10MiB",
               .sentence = "A larger file is skipped as too_large; units are powers of 1024.",
               .subcommands = kIndexOnly, .set = set_max_file_size},
    SettingRow{.name = "memory-per-worker", .value = "SIZE|auto", .default_value = "auto",
               .range = "a size from 256MiB to 1TiB, such as 1GiB, or auto",
               .sentence = "The most memory that a worker may use; auto is what memory and "
                           "--workers allow.",
               .subcommands = kIndexOnly, .set = set_memory_per_worker},
    SettingRow{.name = "file-timeout", .value = "SECONDS", .default_value = "60",
               .range = whole_numbers<1, 86400>(),
               .sentence = "How long a file may stay in one stage with nothing moving; then its "
                           "worker is ended.",
               .subcommands = kIndexOnly, .set = set_number<&Settings::file_timeout, 1, 86400>},
    SettingRow{.name = "database-timeout", .value = "SECONDS", .default_value = "120",
               .range = whole_numbers<0, 86400>(),
               .sentence = "How long to wait for a database that went away; then the run ends and "
                           "can be resumed.",
               .subcommands = kIndexOnly, .set = set_number<&Settings::database_timeout, 0, 86400>},
    SettingRow{.name = "in-flight", .value = "N", .default_value = "16",
               .range = whole_numbers<1, kSlots>(),
               .sentence = "Files a worker may hold at once.",
               .subcommands = kIndexOnly, .set = set_number<&Settings::in_flight, 1, kSlots>},
    SettingRow{.name = "batch-tokens", .value = "N", .default_value = "2048",
               .range = whole_numbers<64, 65536>(),
               .sentence = "Tokens that one pass through the model takes, at most.",
               .subcommands = kModelUsers, .set = set_number<&Settings::batch_tokens, 64, 65536>},
    SettingRow{.name = "include", .value = "GLOB",
               .range = "a glob, each [ with its ]",
               .sentence = "Index only paths that match; may be repeated.",
               .subcommands = kIndexOnly, .repeatable = true, .set = set_globs<&Settings::include>},
    SettingRow{.name = "exclude", .value = "GLOB",
               .range = "a glob, each [ with its ]",
               .sentence = "Skip paths that match, even where --include matches; may be repeated.",
               .subcommands = kIndexOnly, .repeatable = true, .set = set_globs<&Settings::exclude>},
    SettingRow{.name = "languages", .value = "LIST",
               .range = "language ids separated by commas, such as typescript,tsx",
               .sentence = "Index only files in these languages.",
               .subcommands = kIndexOnly, .repeatable = true, .set = set_languages},
    SettingRow{.name = "shard", .value = "I/N",
               .range = "a shard such as 2/4, of at most 65536",
               .sentence = "See to the I-th of N parts of the files only; runs over different "
                           "parts of one repository may go on side by side.",
               .subcommands = kIndexOnly, .set = set_shard},
    SettingRow{.name = "files-from", .value = "FILE|-",
               .range = "a file name, or - for standard input",
               .sentence = "See to the files named there only: paths below PATH, a line each or "
                           "ended by NUL.",
               .subcommands = kIndexOnly, .set = set_text<&Settings::files_from, 4096>},
    SettingRow{.name = "keep-vectors", .value = "DAYS", .default_value = "30",
               .range = whole_numbers<0, 36500>(),
               .sentence = "How long to keep the vectors of texts that stand nowhere any more: a "
                           "branch that comes back needs them.",
               .subcommands = kIndexOnly, .set = set_number<&Settings::keep_vectors, 0, 36500>},
    SettingRow{.name = "full", .default_value = "false", .range = kFlagRange,
               .sentence = "Read, parse and write every file again, changed or not.",
               .subcommands = kIndexOnly, .set = set_flag<&Settings::full>},
    SettingRow{.name = "retry-failed", .default_value = "false", .range = kFlagRange,
               .sentence = "Try quarantined files again too.",
               .subcommands = kIndexOnly, .set = set_flag<&Settings::retry_failed>},
    SettingRow{.name = "wait", .default_value = "false", .range = kFlagRange,
               .sentence = "Wait for another run on the same repository instead of ending with 75.",
               .subcommands = kIndexOnly, .set = set_flag<&Settings::wait>},
    SettingRow{.name = "no-graph", .default_value = "false", .range = kFlagRange,
               .sentence = "Reserved: this version builds no graph.",
               .subcommands = kIndexOnly, .set = set_flag<&Settings::no_graph>},
    SettingRow{.name = "no-commits", .default_value = "false", .range = kFlagRange,
               .sentence = "Leave commits out.",
               .subcommands = kIndexOnly, .set = set_flag<&Settings::no_commits>},
    SettingRow{.name = "progress", .value = "STYLE", .default_value = "auto",
               .range = "auto, bar, plain, json or none",
               .sentence = "Progress on standard error: bar, plain lines, json events or none; "
                           "auto is a bar on a terminal and lines elsewhere.",
               .subcommands = kIndexOnly, .set = set_choice<&Settings::progress, kStyles>},
    SettingRow{.name = "report", .value = "FILE|-",
               .range = "a file name, or - for standard output",
               .sentence = "Write the run's report there as JSON.",
               .subcommands = kIndexOnly, .set = set_text<&Settings::report, 4096>},
    SettingRow{.name = "limit", .value = "N", .default_value = "10",
               .range = whole_numbers<1, 1000>(),
               .sentence = "Results, at most.",
               .subcommands = kSearchOnly, .sources = kFlagOnly,
               .set = set_number<&Settings::limit, 1, 1000>},
    SettingRow{.name = "language", .value = "ID",
               .range = "one language id, such as typescript",
               .sentence = "Only results in this language.",
               .subcommands = kSearchOnly, .sources = kFlagOnly, .set = set_language},
    SettingRow{.name = "path", .value = "GLOB",
               .range = "a glob, each [ with its ]",
               .sentence = "Only results whose path matches.",
               .subcommands = kSearchOnly, .sources = kFlagOnly, .set = set_path_glob},
    SettingRow{.name = "kind", .value = "KIND",
               .range = "a kind of chunk, such as function, method or class; or commit",
               .sentence = "Only results of this kind.",
               .subcommands = kSearchOnly, .sources = kFlagOnly,
               .set = set_utf8<&Settings::kind, 64>},
    SettingRow{.name = "json", .default_value = "false", .range = kFlagRange,
               .sentence = "Print the answer as JSON.",
               .subcommands = kQuestions, .sources = kFlagOnly, .set = set_flag<&Settings::json>},
    SettingRow{.name = "verbose", .default_value = "false", .range = kFlagRange,
               .sentence = "Print a line for each file that index finishes; --progress json "
                           "reports it as an event in any case.",
               .subcommands = kAll, .set = set_verbosity<Verbosity::kVerbose>},
    SettingRow{.name = "quiet", .default_value = "false", .range = kFlagRange,
               .sentence = "Leave out log lines below warnings and, of index, the opening line, "
                           "the counts of the summary and the progress other than --progress json.",
               .subcommands = kAll, .set = set_verbosity<Verbosity::kQuiet>},
    SettingRow{.name = "log-format", .value = "FORMAT", .default_value = "text",
               .range = "text or json",
               .sentence = "Log lines on standard error as text or json.",
               .subcommands = kAll, .set = set_choice<&Settings::log_format, kLogFormats>},
    SettingRow{.name = "config", .value = "FILE",
               .range = "a file name",
               .sentence = "A JSON file of settings, by their names.",
               .subcommands = kAll, .sources = Sources::kFlagAndEnvironment, .set = check_config_name},
};
// clang-format on

}  // namespace

std::span<const SubcommandRow> subcommand_table() { return kSubcommands; }

std::span<const std::string_view> reserved_words() { return kReserved; }

std::span<const SettingRow> settings_table() { return kTable; }

const SettingRow* find_setting(std::string_view name) {
  const auto found = std::find_if(kTable.begin(), kTable.end(),
                                  [&](const SettingRow& row) { return row.name == name; });
  return found == kTable.end() ? nullptr : &*found;
}

std::string environment_name(const SettingRow& row) {
  std::string variable = "FORKDEX_";
  for (const char c : row.name) variable += c == '-' ? '_' : static_cast<char>(c - 'a' + 'A');
  return variable;
}

std::string_view name(Subcommand subcommand) {
  return kSubcommands[static_cast<std::size_t>(subcommand)].name;
}

}  // namespace forkdex
