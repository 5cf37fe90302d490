// The texts of --help and docs/configuration.md.

#include <fmt/format.h>

#include "supervisor/installation/program_name.h"
#include "supervisor/settings/settings.h"
#include "supervisor/settings/settings_table.h"

namespace forkdex {
namespace {

constexpr std::size_t kColumn = 28;  // where sentences start
constexpr std::size_t kWidth = 96;

// "  --workers N|auto        sentence", the sentence wrapped under itself.
void append_entry(std::string& text, std::string_view left, std::string_view sentence) {
  std::string line = fmt::format("  {:<{}}", left, kColumn - 2);
  if (line.back() != ' ') {
    text += line + '\n';
    line.assign(kColumn, ' ');
  }
  std::size_t used = line.size();
  for (std::size_t from = 0; from < sentence.size();) {
    const std::size_t space = std::min(sentence.find(' ', from), sentence.size());
    const std::string_view word = sentence.substr(from, space - from);
    if (used > kColumn && used + 1 + word.size() > kWidth) {
      line += '\n' + std::string(kColumn, ' ');
      used = kColumn;
    }
    if (used > kColumn) {
      line += ' ';
      ++used;
    }
    line += word;
    used += word.size();
    from = space + 1;
  }
  text += line + '\n';
}

void append_options(std::string& text, Subcommand subcommand) {
  for (const SettingRow& row : settings_table()) {
    if (!row.used_by(subcommand)) continue;
    std::string sentence(row.sentence);
    if (!row.is_flag() && !row.default_value.empty())
      sentence += fmt::format(" Default: {}.", row.default_value);
    const std::string_view space = row.is_flag() ? "" : " ";
    append_entry(text, fmt::format("--{}{}{}", row.name, space, row.value), sentence);
  }
  append_entry(text, "--help", "Print this help and exit.");
  append_entry(text, "--version", "Print the version and exit.");
}

std::string used_by_names(const SettingRow& row) {
  std::string names;
  for (const SubcommandRow& command : subcommand_table()) {
    if (!row.used_by(command.subcommand)) continue;
    if (!names.empty()) names += ", ";
    names += command.name;
  }
  return names;
}

// A '|' would end the cell.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

constexpr std::string_view kPageStart =
    R"(<!-- Generated from the table in supervisor/settings/settings_table.cpp; a unit test compares them. -->
# Configuration

For everyone who runs forkdex. A setting can be given as a flag, as an environment variable or as a
key of the JSON file that `--config` names. A flag overrides a variable, a variable overrides the
file, and the file overrides the default. An empty variable counts as unset, except
`FORKDEX_DATABASE_URL`.

- In the file, a flag is `true` or `false`, and a list is an array of strings: `{"workers": 4,
  "exclude": ["*.min.js"], "quiet": true}`. An unknown key is an error.
- In a variable, a flag is `1`, `true`, `yes`, `on` or `0`, `false`, `no`, `off`. A list has one
  entry a line.
- A list replaces the whole list of a source that it overrides.
- A bad flag or argument ends the command with status 64, a bad variable or file with 78.
- `DATABASE_URL` is used where `FORKDEX_DATABASE_URL` is not set. An empty URL selects the embedded
  database: `FORKDEX_DATABASE_URL=` does so even where `DATABASE_URL` is set. A `+driver` in the
  scheme is dropped, and a parameter that libpq does not know is refused. Messages do not show the
  user or the password of the URL.
- `PG…` variables, a service file and a password file count for a database that is named, as for
  every program that uses libpq; for the embedded database none does.

)";

}  // namespace

std::string help_text(const Invocation& invocation) {
  const SubcommandRow& row = subcommand_table()[static_cast<std::size_t>(invocation.subcommand)];
  std::string text;
  if (invocation.subcommand_named) {
    text =
        fmt::format("{0} {1}: {2}\n\nUsage: {0} {1} [OPTIONS]{3}{4}\n\nOptions:\n", program_name(),
                    row.name, row.sentence, row.arguments.empty() ? "" : " ", row.arguments);
    append_options(text, invocation.subcommand);
    return text;
  }
  text = fmt::format(
      "forkdex keeps repositories searchable by meaning.\n\n"
      "Usage: {0} [OPTIONS] PATH|URL\n"
      "       {0} COMMAND [OPTIONS] [ARGUMENT]\n\nCommands:\n",
      program_name());
  for (const SubcommandRow& command : subcommand_table())
    append_entry(text, fmt::format("{} {}", command.name, command.arguments), command.sentence);
  text += fmt::format("\nOptions of index ({} COMMAND --help lists those of another command):\n",
                      program_name());
  append_options(text, Subcommand::kIndex);
  text +=
      "\nA variable (FORKDEX_MAX_FILE_SIZE for --max-file-size) or a key of the --config file\n"
      "(\"max-file-size\") can set most options: see docs/configuration.md.\n"
      "Exit status: 0 success, 1 some files failed, 64 bad flag or argument, 69 database, model "
      "or\n"
      "repository unusable, 70 a bug, 75 run again to resume, 78 bad variable or --config file.\n";
  return text;
}

std::string configuration_page() {
  std::string page(kPageStart);
  page +=
      "| flag | variable | default | must be | what it does | used by |\n"
      "|---|---|---|---|---|---|\n";
  for (const SettingRow& row : settings_table()) {
    const std::string flag =
        row.is_flag() ? fmt::format("--{}", row.name) : fmt::format("--{} {}", row.name, row.value);
    const std::string variable =
        row.sources == Sources::kFlagOnly ? "none" : fmt::format("`{}`", environment_name(row));
    page += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", cell(flag), variable,
                        row.default_value.empty() ? "not set" : row.default_value,
                        row.is_flag() ? "set or not" : row.range, cell(row.sentence),
                        used_by_names(row));
  }
  page +=
      "\nA setting without a variable cannot be set in the file either. The file cannot set "
      "`config`.\n";
  return page;
}

}  // namespace forkdex
