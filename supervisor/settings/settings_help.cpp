// What people read about the settings: --help, --version and docs/configuration.md.

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
  append_entry(text, "--help", "Print this and end.");
  append_entry(text, "--version", "Print the version and end.");
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

For whoever runs forkdex. A setting is a flag, a variable and a key of the JSON file that `--config`
names; a flag wins over a variable, that over the file, that over the default. A variable that is
empty counts as unset.

- In the file, a flag is `true` or `false`, a list an array of strings: `{"workers": 4,
  "exclude": ["*.min.js"], "quiet": true}`. A key that is not below is refused.
- In a variable, a flag is `1`, `true`, `yes`, `on` or `0`, `false`, `no`, `off`; entries of a list
  stand on lines of their own.
- A list given by one source replaces that of a weaker source.
- A bad flag or argument ends with 64, a bad variable or file with 78.
- `DATABASE_URL` counts where `FORKDEX_DATABASE_URL` is not set; a `+driver` in its scheme is
  dropped. No message holds the URL's user or password.

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
      "Usage: {0} [OPTIONS] PATH\n"
      "       {0} COMMAND [OPTIONS] [ARGUMENT]\n\nCommands:\n",
      program_name());
  for (const SubcommandRow& command : subcommand_table())
    append_entry(text, fmt::format("{} {}", command.name, command.arguments), command.sentence);
  text += fmt::format("\nOptions of index ({} COMMAND --help lists a command's own):\n",
                      program_name());
  append_options(text, Subcommand::kIndex);
  text +=
      "\nMost options are also variables (--max-file-size is FORKDEX_MAX_FILE_SIZE) and keys of\n"
      "the --config file: docs/configuration.md.\n"
      "Exit status: 0 done, 1 some files failed, 64 bad flag or argument, 69 database, model or\n"
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
                        row.default_value.empty() ? "none" : row.default_value,
                        row.is_flag() ? "set or not" : row.range, cell(row.sentence),
                        used_by_names(row));
  }
  page +=
      "\nSettings without a variable are no keys of the file either; neither is `config` itself.\n";
  return page;
}

}  // namespace forkdex
