#include "supervisor/settings/settings_table.h"

#include <algorithm>
#include <array>

#include "common/protocol/segment.h"
#include "supervisor/settings/database_url.h"
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
constexpr Sources kFlagOnly = Sources::kFlagOnly;
constexpr std::string_view kFlagRange = "1, true, yes, on, 0, false, no or off";

// clang-format off
constexpr std::array kSubcommands = {
    SubcommandRow{.subcommand = kIndex, .name = "index", .arguments = "PATH|URL",
                  .sentence = "index or update a repository (the default command)"},
    SubcommandRow{.subcommand = kSearch, .name = "search", .arguments = "QUERY",
                  .sentence = "find chunks by the meaning and the words of QUERY"},
    SubcommandRow{.subcommand = kStatus, .name = "status", .arguments = "[NAME]",
                  .least_arguments = 0,
                  .sentence = "show each repository's file states and last run"},
    SubcommandRow{.subcommand = kFailures, .name = "failures", .arguments = "NAME",
                  .sentence = "list every file that is not searchable, with its reason"},
    SubcommandRow{.subcommand = kRemove, .name = "remove", .arguments = "NAME",
                  .sentence = "delete a repository's data"},
    SubcommandRow{.subcommand = kDatabase, .name = "database", .arguments = "start|stop|url|index",
                  .sentence = "start the embedded database and keep it running, stop it, print "
                              "its URL, or index the vectors of the one in use"},
    SubcommandRow{.subcommand = kDoctor, .name = "doctor", .least_arguments = 0,
                  .most_arguments = 0,
                  .sentence = "show this machine's resources, database and models, and what a "
                              "run would choose"},
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
               .sentence = "Name of the repository. The default of index is the last part of "
                           "PATH; a search covers every repository by default.",
               .subcommands = kModelUsers, .set = set_utf8<&Settings::repository, 1024>},
    SettingRow{.name = "rev", .value = "REV",
               .range = "1 to 1024 bytes of UTF-8 without control characters",
               .sentence = "Index this branch, tag or commit of PATH instead of its work tree. "
                           "The repository's rows become those of REV. The default for a bare "
                           "repository is its HEAD.",
               .subcommands = kIndexOnly, .set = set_utf8<&Settings::rev, 1024>},
    SettingRow{.name = "workers", .value = "N|auto", .default_value = "auto",
               .range = "a whole number from 1 to 256, or auto",
               .sentence = "Number of worker processes; auto is one for each core, as far as "
                           "memory allows.",
               .subcommands = kIndexOnly, .set = set_number_or_auto<&Settings::workers, 1, 256>},
    SettingRow{.name = "database-url", .value = "URL",
               .range = "a postgresql:// URL, or empty",
               .sentence = "PostgreSQL database to use. The default is DATABASE_URL; without it, or "
                           "where this is empty, forkdex runs an embedded database.",
               .subcommands = kAll, .secret = true, .set = set_database_url,
               .fault = fault_of_database_url},
    SettingRow{.name = "code-model", .value = "DIR|none",
               .range = "a folder, or none",
               .sentence = "Hugging Face model folder for the code view: the source of chunks. "
                           "The default is the bundled model; none disables the view.",
               .subcommands = kModelUsers | set_of(kDoctor),
               .set = set_text<&Settings::code_model, 4096>},
    SettingRow{.name = "text-model", .value = "DIR|none",
               .range = "a folder, or none",
               .sentence = "Hugging Face model folder for the text view (names, comments, "
                           "documents) and for commit messages. The default is the bundled "
                           "model; none disables the view and leaves commit messages to the code "
                           "model.",
               .subcommands = kModelUsers | set_of(kDoctor),
               .set = set_text<&Settings::text_model, 4096>},
    SettingRow{.name = "dimensions", .value = "N|auto", .default_value = "auto",
               .range = "a whole number from 1 to 65536, or auto",
               .sentence = "Keep only the first N values of each vector, for models trained with "
                           "Matryoshka representation learning; auto is the number that the "
                           "model's folder gives. A search needs the same value as the index.",
               .subcommands = kModelUsers | set_of(kDoctor),
               .set = set_number_or_auto<&Settings::dimensions, 1, 65536>},
    SettingRow{.name = "query-prefix", .value = "TEXT",
               .range = "at most 1024 bytes of UTF-8",
               .sentence = "Text before every query; replaces the prompt in the model's folder.",
               .subcommands = kModelUsers | set_of(kDoctor),
               .set = set_prefix<&Settings::query_prefix>},
    SettingRow{.name = "document-prefix", .value = "TEXT",
               .range = "at most 1024 bytes of UTF-8",
               .sentence = "Text before every indexed text; replaces the prompt in the model's "
                           "folder. A search needs the same value as the index.",
               .subcommands = kModelUsers | set_of(kDoctor),
               .set = set_prefix<&Settings::document_prefix>},
    SettingRow{.name = "precision", .value = "P", .default_value = "auto",
               .range = "auto, fp32 or bf16",
               .sentence = "Number format that the model computes in; auto is bf16 where the "
                           "processor computes it faster, else fp32.",
               .subcommands = kModelUsers | set_of(kDoctor),
               .set = set_choice<&Settings::precision, kPrecisionNames>},
    SettingRow{.name = "device", .value = "D", .default_value = "auto",
               .range = "auto or cpu",
               .sentence = "Reserved: both values run the models on the processor, the only "
                           "device of this version.",
               .subcommands = kModelUsers, .set = set_choice<&Settings::device, kDevices>},
    SettingRow{.name = "max-file-size", .value = "SIZE", .default_value = "10MiB",
               .range = "a size from 1 to 1GiB, such as 512K or 10MiB",
               .sentence = "Size above which a file is skipped as too_large; units are powers of "
                           "1024.",
               .subcommands = kIndexOnly, .set = set_max_file_size},
    SettingRow{.name = "memory-per-worker", .value = "SIZE|auto", .default_value = "auto",
               .range = "a size from 256MiB to 1TiB, such as 1GiB, or auto",
               .sentence = "Memory limit of each worker; auto divides three quarters of the "
                           "memory by the number of workers, at least 512MiB and at most 2GiB.",
               .subcommands = kIndexOnly, .set = set_memory_per_worker},
    SettingRow{.name = "file-timeout", .value = "SECONDS", .default_value = "60",
               .range = whole_numbers<1, 86400>(),
               .sentence = "Seconds without progress in one stage before the worker is killed.",
               .subcommands = kIndexOnly, .set = set_number<&Settings::file_timeout, 1, 86400>},
    SettingRow{.name = "database-timeout", .value = "SECONDS", .default_value = "120",
               .range = whole_numbers<0, 86400>(),
               .sentence = "Seconds to wait for a lost database before the run ends with status "
                           "75.",
               .subcommands = kIndexOnly, .set = set_number<&Settings::database_timeout, 0, 86400>},
    SettingRow{.name = "in-flight", .value = "N", .default_value = "16",
               .range = whole_numbers<1, kSlots>(),
               .sentence = "Maximum number of files that a worker holds at once.",
               .subcommands = kIndexOnly, .set = set_number<&Settings::in_flight, 1, kSlots>},
    SettingRow{.name = "batch-tokens", .value = "N", .default_value = "2048",
               .range = whole_numbers<64, 65536>(),
               .sentence = "Maximum number of tokens in one forward pass of the model; a longer "
                           "text has a pass of its own.",
               .subcommands = kModelUsers, .set = set_number<&Settings::batch_tokens, 64, 65536>},
    SettingRow{.name = "include", .value = "GLOB",
               .range = "a glob with every [ closed by a ]",
               .sentence = "Index only files whose path matches; may be repeated.",
               .subcommands = kIndexOnly, .repeatable = true, .set = set_globs<&Settings::include>},
    SettingRow{.name = "exclude", .value = "GLOB",
               .range = "a glob with every [ closed by a ]",
               .sentence = "Skip files whose path matches, even if --include matches; may be "
                           "repeated.",
               .subcommands = kIndexOnly, .repeatable = true, .set = set_globs<&Settings::exclude>},
    SettingRow{.name = "languages", .value = "LIST",
               .range = "language ids separated by commas, such as typescript,tsx",
               .sentence = "Index only files in these languages; may be repeated.",
               .subcommands = kIndexOnly, .repeatable = true, .set = set_languages},
    SettingRow{.name = "shard", .value = "I/N",
               .range = "I/N with I from 1 to N and N at most 65536, such as 2/4",
               .sentence = "Index only the I-th of N partitions of the files; the others may be "
                           "indexed at the same time.",
               .subcommands = kIndexOnly, .set = set_shard},
    SettingRow{.name = "files-from", .value = "FILE|-",
               .range = "a file name, or - for standard input",
               .sentence = "Index only the files that FILE lists. It holds paths below PATH, one "
                           "a line or each ended by NUL.",
               .subcommands = kIndexOnly, .set = set_text<&Settings::files_from, 4096>},
    SettingRow{.name = "keep-vectors", .value = "DAYS", .default_value = "30",
               .range = whole_numbers<0, 36500>(),
               .sentence = "Days to keep vectors that no chunk or commit refers to, so that "
                           "switching branches back costs nothing.",
               .subcommands = kIndexOnly, .set = set_number<&Settings::keep_vectors, 0, 36500>},
    SettingRow{.name = "full", .default_value = "false", .range = kFlagRange,
               .sentence = "Read, parse and store unchanged files again too. Stored vectors are "
                           "reused; quarantined files need --retry-failed.",
               .subcommands = kIndexOnly, .set = set_flag<&Settings::full>},
    SettingRow{.name = "retry-failed", .default_value = "false", .range = kFlagRange,
               .sentence = "Retry quarantined files too; every run retries failed files.",
               .subcommands = kIndexOnly, .set = set_flag<&Settings::retry_failed>},
    SettingRow{.name = "wait", .default_value = "false", .range = kFlagRange,
               .sentence = "Wait while another run holds the repository, instead of ending with "
                           "status 75.",
               .subcommands = kIndexOnly, .set = set_flag<&Settings::wait>},
    SettingRow{.name = "no-graph", .default_value = "false", .range = kFlagRange,
               .sentence = "Reserved: this version builds no graph.",
               .subcommands = kIndexOnly, .set = set_flag<&Settings::no_graph>},
    SettingRow{.name = "no-commits", .default_value = "false", .range = kFlagRange,
               .sentence = "Do not index the commit history.",
               .subcommands = kIndexOnly, .set = set_flag<&Settings::no_commits>},
    SettingRow{.name = "no-vectors", .default_value = "false", .range = kFlagRange,
               .sentence = "Store everything that search --words needs and embed nothing. A run "
                           "without this option adds the vectors; until then, words alone answer.",
               .subcommands = kIndexOnly, .set = set_flag<&Settings::no_vectors>},
    SettingRow{.name = "progress", .value = "STYLE", .default_value = "auto",
               .range = "auto, bar, plain, json or none",
               .sentence = "Progress on standard error: a bar, plain lines, JSON events or none; "
                           "auto is a bar on a terminal and plain lines elsewhere.",
               .subcommands = kIndexOnly, .set = set_choice<&Settings::progress, kStyles>},
    SettingRow{.name = "report", .value = "FILE|-",
               .range = "a file name, or - for standard output",
               .sentence = "Write the run's report as JSON to FILE, or with - to standard output.",
               .subcommands = kIndexOnly, .set = set_text<&Settings::report, 4096>},
    SettingRow{.name = "words", .default_value = "false", .range = kFlagRange,
               .sentence = "Search by the words of QUERY alone, without a model.",
               .subcommands = kSearchOnly, .sources = kFlagOnly, .set = set_flag<&Settings::words>},
    SettingRow{.name = "limit", .value = "N", .default_value = "10",
               .range = whole_numbers<1, 1000>(),
               .sentence = "Maximum number of results.",
               .subcommands = kSearchOnly, .sources = kFlagOnly,
               .set = set_number<&Settings::limit, 1, 1000>},
    SettingRow{.name = "language", .value = "ID",
               .range = "one language id, such as typescript",
               .sentence = "Show only results in this language.",
               .subcommands = kSearchOnly, .sources = kFlagOnly, .set = set_language},
    SettingRow{.name = "path", .value = "GLOB",
               .range = "a glob with every [ closed by a ]",
               .sentence = "Show only results whose path matches.",
               .subcommands = kSearchOnly, .sources = kFlagOnly, .set = set_path_glob},
    SettingRow{.name = "kind", .value = "KIND",
               .range = "a kind of chunk, such as function, method or class, or commit",
               .sentence = "Show only results of this kind; commit searches commit messages.",
               .subcommands = kSearchOnly, .sources = kFlagOnly,
               .set = set_utf8<&Settings::kind, 64>},
    SettingRow{.name = "json", .default_value = "false", .range = kFlagRange,
               .sentence = "Print the result as JSON.",
               .subcommands = kQuestions, .sources = kFlagOnly, .set = set_flag<&Settings::json>},
    SettingRow{.name = "verbose", .default_value = "false", .range = kFlagRange,
               .sentence = "Print a line for each file that index finishes; --progress json "
                           "always reports it as an event.",
               .subcommands = kAll, .set = set_verbosity<Verbosity::kVerbose>},
    SettingRow{.name = "quiet", .default_value = "false", .range = kFlagRange,
               .sentence = "Do not print log lines below warnings. index also does not print its "
                           "opening line, the counts of its summary or its progress. --progress "
                           "json always prints its events.",
               .subcommands = kAll, .set = set_verbosity<Verbosity::kQuiet>},
    SettingRow{.name = "log-format", .value = "FORMAT", .default_value = "text",
               .range = "text or json",
               .sentence = "Format of the log lines on standard error.",
               .subcommands = kAll, .set = set_choice<&Settings::log_format, kLogFormats>},
    SettingRow{.name = "config", .value = "FILE",
               .range = "a file name",
               .sentence = "JSON file of settings; a key is the name of an option without its "
                           "dashes.",
               .subcommands = kAll, .sources = Sources::kFlagAndEnvironment,
               .set = check_config_name},
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
