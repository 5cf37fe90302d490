#include "supervisor/settings/settings_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "common/base/glob.h"
#include "common/base/languages.h"
#include "common/base/path_text.h"
#include "common/base/utf8.h"
#include "common/pg/url.h"
#include "common/protocol/segment.h"

namespace forkdex {
namespace {

using Values = std::vector<std::string>;

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "512", "64K", "10 MiB", "1gb": units are powers of 1024, as Docker and systemd read them.
std::optional<std::uint64_t> size_in_bytes(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::optional<std::uint64_t> number = whole_number(text.substr(0, digits));
  if (!number) return std::nullopt;
  std::string unit;
  for (const char c : text.substr(digits))
    if (c != ' ') unit += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  constexpr std::string_view kPrefixes = "KMGT";
  const std::size_t power = unit.empty() ? std::string_view::npos : kPrefixes.find(unit[0]);
  const std::string_view rest =
      power == std::string_view::npos ? std::string_view(unit) : std::string_view(unit).substr(1);
  if (rest != "" && rest != "B" && (rest != "IB" || power == std::string_view::npos))
    return std::nullopt;
  const unsigned shift =
      power == std::string_view::npos ? 0 : 10 * (static_cast<unsigned>(power) + 1);
  if (*number > std::numeric_limits<std::uint64_t>::max() >> shift) return std::nullopt;
  return *number << shift;
}

bool printable(std::string_view text, std::size_t most_bytes) {
  return !text.empty() && text.size() <= most_bytes &&
         std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

std::optional<bool> truth(std::string_view text) {
  constexpr std::array<std::string_view, 4> kYes = {"1", "true", "yes", "on"};
  constexpr std::array<std::string_view, 4> kNo = {"0", "false", "no", "off"};
  if (std::find(kYes.begin(), kYes.end(), text) != kYes.end()) return true;
  if (std::find(kNo.begin(), kNo.end(), text) != kNo.end()) return false;
  return std::nullopt;
}

template <auto Member>
bool set_flag(Settings& settings, const Values& values) {
  const std::optional<bool> value = truth(values.back());
  if (value) settings.*Member = *value;
  return value.has_value();
}

template <Verbosity kWhenSet>
bool set_verbosity(Settings& settings, const Values& values) {
  const std::optional<bool> value = truth(values.back());
  if (value == true) settings.verbosity = kWhenSet;
  if (value == false && settings.verbosity == kWhenSet) settings.verbosity = Verbosity::kNormal;
  return value.has_value();
}

template <auto Member, std::uint64_t kLeast, std::uint64_t kMost>
bool set_number(Settings& settings, const Values& values) {
  const std::optional<std::uint64_t> number = whole_number(values.back());
  if (!number || *number < kLeast || *number > kMost) return false;
  settings.*Member = static_cast<std::uint32_t>(*number);
  return true;
}

// The names in the order of the enumerators.
template <auto Member, const auto& kNames>
bool set_choice(Settings& settings, const Values& values) {
  const auto found = std::find(kNames.begin(), kNames.end(), values.back());
  if (found == kNames.end()) return false;
  using Choice = std::remove_reference_t<decltype(settings.*Member)>;
  settings.*Member = static_cast<Choice>(found - kNames.begin());
  return true;
}

template <auto Member, std::size_t kMostBytes>
bool set_text(Settings& settings, const Values& values) {
  if (!printable(values.back(), kMostBytes)) return false;
  settings.*Member = values.back();
  return true;
}

// What goes into the database, which takes valid text only.
template <auto Member, std::size_t kMostBytes>
bool set_utf8(Settings& settings, const Values& values) {
  return is_utf8(values.back()) && set_text<Member, kMostBytes>(settings, values);
}

template <auto Member>
bool set_globs(Settings& settings, const Values& values) {
  if (!std::all_of(values.begin(), values.end(),
                   [](const std::string& v) { return printable(v, 4096) && is_glob(v); }))
    return false;
  settings.*Member = values;
  return true;
}

bool set_path_glob(Settings& settings, const Values& values) {
  return is_glob(values.back()) && set_text<&Settings::path_glob, 4096>(settings, values);
}

bool set_workers(Settings& settings, const Values& values) {
  const std::optional<std::uint64_t> number = whole_number(values.back());
  if (values.back() != "auto" && (!number || *number < 1 || *number > 256)) return false;
  settings.workers.reset();
  if (number) settings.workers = static_cast<unsigned>(*number);
  return true;
}

template <std::optional<std::string> Settings::* Member>
bool set_prefix(Settings& settings, const Values& values) {
  if (values.back().size() > 1024 || !is_utf8(values.back())) return false;
  settings.*Member = values.back();
  return true;
}

bool set_dimensions(Settings& settings, const Values& values) {
  const std::optional<std::uint64_t> number = whole_number(values.back());
  if (values.back() != "auto" && (!number || *number < 1 || *number > 65536)) return false;
  settings.dimensions.reset();
  if (number) settings.dimensions = static_cast<std::uint32_t>(*number);
  return true;
}

bool set_database_url(Settings& settings, const Values& values) {
  const std::string url = without_driver(values.back());
  if (!url.starts_with("postgresql://") && !url.starts_with("postgres://")) return false;
  settings.database_url = url;
  return true;
}

bool set_max_file_size(Settings& settings, const Values& values) {
  const std::optional<std::uint64_t> bytes = size_in_bytes(values.back());
  if (!bytes || *bytes < 1 || *bytes > (1ULL << 30)) return false;
  settings.max_file_size = *bytes;
  return true;
}

bool set_memory_per_worker(Settings& settings, const Values& values) {
  const std::optional<std::uint64_t> bytes = size_in_bytes(values.back());
  if (values.back() != "auto" && (!bytes || *bytes < (256ULL << 20) || *bytes > (1ULL << 40)))
    return false;
  settings.memory_per_worker.reset();
  if (bytes) settings.memory_per_worker = *bytes;
  return true;
}

bool set_languages(Settings& settings, const Values& values) {
  std::vector<std::string> languages;
  for (const std::string& list : values) {
    for (std::size_t from = 0; from <= list.size();) {
      const std::size_t comma = std::min(list.find(',', from), list.size());
      languages.push_back(list.substr(from, comma - from));
      if (!is_language(languages.back())) return false;
      from = comma + 1;
    }
  }
  settings.languages = std::move(languages);
  return true;
}

bool set_shard(Settings& settings, const Values& values) {
  settings.shard = Shard::parse(values.back());
  return settings.shard.has_value();
}

bool set_language(Settings& settings, const Values& values) {
  if (!is_language(values.back())) return false;
  settings.language = values.back();
  return true;
}

constexpr std::size_t digits_of(std::uint64_t number) {
  return number < 10 ? 1 : 1 + digits_of(number / 10);
}

// "a whole number from 1 to 64": text and check of a row take the same constants.
template <std::uint64_t kLeast, std::uint64_t kMost>
constexpr auto kWholeNumberText = [] {
  constexpr std::string_view kFrom = "a whole number from ";
  constexpr std::string_view kTo = " to ";
  std::array<char, kFrom.size() + digits_of(kLeast) + kTo.size() + digits_of(kMost)> text{};
  std::size_t end = 0;
  const auto append = [&](std::string_view words) {
    for (const char c : words) text[end++] = c;
  };
  const auto append_number = [&](std::uint64_t number) {
    end += digits_of(number);
    std::size_t digit = end;
    do {
      text[--digit] = static_cast<char>('0' + number % 10);
    } while ((number /= 10) != 0);
  };
  append(kFrom);
  append_number(kLeast);
  append(kTo);
  append_number(kMost);
  return text;
}();

template <std::uint64_t kLeast, std::uint64_t kMost>
constexpr std::string_view whole_numbers() {
  const auto& text = kWholeNumberText<kLeast, kMost>;
  return {text.data(), text.size()};
}

// --config is read before the settings it holds; nothing is stored.
bool set_nothing(Settings&, const Values& values) { return printable(values.back(), 4096); }

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

constexpr Sources kEverywhere = Sources::kEverywhere;
constexpr Sources kFlagOnly = Sources::kFlagOnly;
constexpr std::string_view kFlagRange = "1, true, yes, on, 0, false, no or off";

constexpr std::array kSubcommands = {
    SubcommandRow{kIndex, "index", "PATH|URL", 1, 1,
                  "index or update one repository (the default)"},
    SubcommandRow{kSearch, "search", "QUERY", 1, 1, "find the code nearest in meaning to QUERY"},
    SubcommandRow{kStatus, "status", "[NAME]", 0, 1,
                  "list repositories, their file states and last run"},
    SubcommandRow{kFailures, "failures", "NAME", 1, 1,
                  "list every file that is not searchable, and why"},
    SubcommandRow{kRemove, "remove", "NAME", 1, 1, "delete one repository's data"},
    SubcommandRow{kDatabase, "database", "start|stop|url", 1, 1,
                  "run the embedded database until it is stopped, stop it, or print its URL"},
    SubcommandRow{kDoctor, "doctor", "", 0, 0,
                  "show what this machine offers and what would be chosen"},
};

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
    SettingRow{"repository", "NAME", "", "1 to 1024 bytes of UTF-8 without control characters",
               "The repository's name, by default the last part of the folder; search stays in it.",
               kModelUsers, kEverywhere, false, false, set_utf8<&Settings::repository, 1024>},
    SettingRow{"rev", "REV", "", "1 to 1024 bytes of UTF-8 without control characters",
               "Index this branch, tag or commit of PATH instead of its work tree, under PATH's name: "
               "the rows become those of REV. A bare repository means its HEAD.",
               kIndexOnly, kEverywhere, false, false, set_utf8<&Settings::rev, 1024>},
    SettingRow{"workers", "N|auto", "auto", "a whole number from 1 to 256, or auto",
               "Worker processes; auto is what cores and memory allow.",
               kIndexOnly, kEverywhere, false, false, set_workers},
    SettingRow{"database-url", "URL", "", "a postgresql:// URL",
               "The PostgreSQL to use; by default DATABASE_URL, else the embedded one.",
               kDatabaseUsers, kEverywhere, false, true, set_database_url},
    SettingRow{"code-model", "DIR|none", "", "a folder, or none",
               "The Hugging Face model folder for the source of chunks, by default the bundled one; "
               "none leaves them to the text model.",
               kModelUsers | set_of(kDoctor), kEverywhere, false, false,
               set_text<&Settings::code_model, 4096>},
    SettingRow{"text-model", "DIR|none", "", "a folder, or none",
               "The model folder for names, comments, documents and commit messages, by default the "
               "bundled one; none leaves messages to the code model and the rest out.",
               kModelUsers | set_of(kDoctor), kEverywhere, false, false,
               set_text<&Settings::text_model, 4096>},
    SettingRow{"dimensions", "N|auto", "auto", "a whole number from 1 to 65536, or auto",
               "Keep the first N values of each vector, for models trained so that they may be cut "
               "off; auto is as many as the folder says. A search needs the same.",
               kModelUsers | set_of(kDoctor), kEverywhere, false, false, set_dimensions},
    SettingRow{"query-prefix", "TEXT", "", "at most 1024 bytes of UTF-8",
               "Goes before every query, instead of what the model's folder says.",
               kModelUsers | set_of(kDoctor), kEverywhere, false, false,
               set_prefix<&Settings::query_prefix>},
    SettingRow{"document-prefix", "TEXT", "", "at most 1024 bytes of UTF-8",
               "Goes before every text that is indexed, instead of what the model's folder says. A "
               "search needs the same.",
               kModelUsers | set_of(kDoctor), kEverywhere, false, false,
               set_prefix<&Settings::document_prefix>},
    SettingRow{"precision", "P", "auto", "auto, fp32 or bf16",
               "The numbers that the model computes with; auto is what the processor is fastest with.",
               kModelUsers | set_of(kDoctor), kEverywhere, false, false,
               set_choice<&Settings::precision, kPrecisionNames>},
    SettingRow{"device", "D", "auto", "auto or cpu",
               "Reserved: auto and cpu both run the models on the processor; this version "
               "uses nothing else.",
               kModelUsers, kEverywhere, false, false, set_choice<&Settings::device, kDevices>},
    SettingRow{"max-file-size", "SIZE", "10MiB", "a size from 1 to 1GiB, such as 512K or 10MiB",
               "A larger file is skipped as too_large; units are powers of 1024.",
               kIndexOnly, kEverywhere, false, false, set_max_file_size},
    SettingRow{"memory-per-worker", "SIZE|auto", "auto",
               "a size from 256MiB to 1TiB, such as 1GiB, or auto",
               "The most memory that a worker may use; auto is what memory and --workers allow.",
               kIndexOnly, kEverywhere, false, false, set_memory_per_worker},
    SettingRow{"file-timeout", "SECONDS", "60", whole_numbers<1, 86400>(),
               "How long a file may stay in one stage with nothing moving; then its worker is ended.",
               kIndexOnly, kEverywhere, false, false,
               set_number<&Settings::file_timeout, 1, 86400>},
    SettingRow{"database-timeout", "SECONDS", "120", whole_numbers<0, 86400>(),
               "How long to wait for a database that went away; then the run ends and can be resumed.",
               kIndexOnly, kEverywhere, false, false,
               set_number<&Settings::database_timeout, 0, 86400>},
    SettingRow{"in-flight", "N", "16", whole_numbers<1, kSlots>(),
               "Files a worker may hold at once.",
               kIndexOnly, kEverywhere, false, false, set_number<&Settings::in_flight, 1, kSlots>},
    SettingRow{"batch-tokens", "N", "2048", whole_numbers<64, 65536>(),
               "Tokens that one pass through the model takes, at most.",
               kModelUsers, kEverywhere, false, false,
               set_number<&Settings::batch_tokens, 64, 65536>},
    SettingRow{"include", "GLOB", "", "a glob, each [ with its ]",
               "Index only paths that match; may be repeated.",
               kIndexOnly, kEverywhere, true, false, set_globs<&Settings::include>},
    SettingRow{"exclude", "GLOB", "", "a glob, each [ with its ]",
               "Skip paths that match, even where --include matches; may be repeated.",
               kIndexOnly, kEverywhere, true, false, set_globs<&Settings::exclude>},
    SettingRow{"languages", "LIST", "", "language ids separated by commas, such as typescript,tsx",
               "Index only files in these languages.",
               kIndexOnly, kEverywhere, true, false, set_languages},
    SettingRow{"shard", "I/N", "", "a shard such as 2/4, of at most 65536",
               "See to the I-th of N parts of the files only; runs over different parts of one "
               "repository may go on side by side.",
               kIndexOnly, kEverywhere, false, false, set_shard},
    SettingRow{"files-from", "FILE|-", "", "a file name, or - for standard input",
               "See to the files named there only: paths below PATH, a line each or ended by NUL.",
               kIndexOnly, kEverywhere, false, false, set_text<&Settings::files_from, 4096>},
    SettingRow{"keep-vectors", "DAYS", "30", whole_numbers<0, 36500>(),
               "How long to keep the vectors of texts that stand nowhere any more: a branch that "
               "comes back needs them.",
               kIndexOnly, kEverywhere, false, false,
               set_number<&Settings::keep_vectors, 0, 36500>},
    SettingRow{"full", "", "false", kFlagRange,
               "Read, parse and write every file again, changed or not.",
               kIndexOnly, kEverywhere, false, false, set_flag<&Settings::full>},
    SettingRow{"retry-failed", "", "false", kFlagRange,
               "Try quarantined files again too.",
               kIndexOnly, kEverywhere, false, false, set_flag<&Settings::retry_failed>},
    SettingRow{"wait", "", "false", kFlagRange,
               "Wait for another run on the same repository instead of ending with 75.",
               kIndexOnly, kEverywhere, false, false, set_flag<&Settings::wait>},
    SettingRow{"no-graph", "", "false", kFlagRange,
               "Reserved: this version builds no graph.",
               kIndexOnly, kEverywhere, false, false, set_flag<&Settings::no_graph>},
    SettingRow{"no-commits", "", "false", kFlagRange,
               "Leave commits out.",
               kIndexOnly, kEverywhere, false, false, set_flag<&Settings::no_commits>},
    SettingRow{"progress", "STYLE", "auto", "auto, bar, plain, json or none",
               "Progress on standard error: bar, plain lines, json events or none; auto is a bar on "
               "a terminal and lines elsewhere.",
               kIndexOnly, kEverywhere, false, false, set_choice<&Settings::progress, kStyles>},
    SettingRow{"report", "FILE|-", "", "a file name, or - for standard output",
               "Write the run's report there as JSON.",
               kIndexOnly, kEverywhere, false, false, set_text<&Settings::report, 4096>},
    SettingRow{"limit", "N", "10", whole_numbers<1, 1000>(),
               "Results, at most.",
               kSearchOnly, kFlagOnly, false, false, set_number<&Settings::limit, 1, 1000>},
    SettingRow{"language", "ID", "", "one language id, such as typescript",
               "Only results in this language.",
               kSearchOnly, kFlagOnly, false, false, set_language},
    SettingRow{"path", "GLOB", "", "a glob, each [ with its ]",
               "Only results whose path matches.",
               kSearchOnly, kFlagOnly, false, false, set_path_glob},
    SettingRow{"kind", "KIND", "", "a kind of chunk, such as function, method or class; or commit",
               "Only results of this kind.",
               kSearchOnly, kFlagOnly, false, false, set_utf8<&Settings::kind, 64>},
    SettingRow{"json", "", "false", kFlagRange,
               "Print the answer as JSON.",
               kQuestions, kFlagOnly, false, false, set_flag<&Settings::json>},
    SettingRow{"verbose", "", "false", kFlagRange,
               "Print a line for each file that index finishes; --progress json reports it as an "
               "event in any case.",
               kAll, kEverywhere, false, false, set_verbosity<Verbosity::kVerbose>},
    SettingRow{"quiet", "", "false", kFlagRange,
               "Leave out log lines below warnings and, of index, the opening line, the counts of "
               "the summary and the progress other than --progress json.",
               kAll, kEverywhere, false, false, set_verbosity<Verbosity::kQuiet>},
    SettingRow{"log-format", "FORMAT", "text", "text or json",
               "Log lines on standard error as text or json.",
               kAll, kEverywhere, false, false, set_choice<&Settings::log_format, kLogFormats>},
    SettingRow{"config", "FILE", "", "a file name",
               "A JSON file of settings, by their names.",
               kAll, Sources::kFlagAndEnvironment, false, false, set_nothing},
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
