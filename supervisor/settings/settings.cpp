#include "supervisor/settings/settings.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/io.h"
#include "common/base/path_text.h"
#include "common/base/unique_fd.h"
#include "common/base/utf8.h"
#include "supervisor/installation/program_name.h"
#include "supervisor/settings/edit_distance.h"
#include "supervisor/settings/settings_table.h"

namespace forkdex {
namespace {

using Values = std::vector<std::string>;

constexpr std::string_view kDatabaseUrl = "database-url";
constexpr std::array kDatabaseVerbs = {kDatabaseStart, kDatabaseStop, kDatabaseAsUrl,
                                       kDatabaseIndex};

/// The values that one source gives, and how that source spells a setting's name.
struct Given {
  ErrorCode code;
  std::map<const SettingRow*, Values> values;
  std::function<std::string(const SettingRow& row)> spell;
};

std::string spell_flag(const SettingRow& row) { return fmt::format("--{}", row.name); }
std::string spell_key(const SettingRow& row) {
  return fmt::format("\"{}\" in the --config file", row.name);
}

Error usage(std::string sentence) { return {ErrorCode::kUsage, std::move(sentence), {}}; }

/// The setting with the name most like `word` among those that `admits` admits, or null when every
/// name differs from it in more than two letters.
template <class Admits>
const SettingRow* nearest_setting(std::string_view word, Admits admits) {
  const SettingRow* nearest = nullptr;
  std::size_t least = kMostSlips + 1;
  for (const SettingRow& row : settings_table()) {
    if (!admits(row)) continue;
    const std::size_t distance = edit_distance(word, row.name);
    if (distance < least) {
      nearest = &row;
      least = distance;
    }
  }
  return nearest;
}

Error unknown_option(const std::string& option, Subcommand subcommand) {
  const std::size_t dashes = std::min(option.find_first_not_of('-'), option.size());
  const SettingRow* const nearest =
      nearest_setting(std::string_view(option).substr(dashes),
                      [&](const SettingRow& row) { return row.used_by(subcommand); });
  return usage(nearest ? fmt::format("unknown option {}; did you mean --{}?", option, nearest->name)
                       : fmt::format("unknown option {}; {} {} --help lists the options", option,
                                     program_name(), name(subcommand)));
}

/// The words of a command line, sorted into options and other words before the subcommand is known.
struct CommandLine {
  std::map<const SettingRow*, Values> flags;
  std::vector<std::string> bare;  ///< words that are not options
  std::size_t bare_before_dashes = 0;
  std::optional<std::string> unknown;
  bool help = false;
  bool version = false;
};

Result<CommandLine> scan_words(const std::vector<std::string>& words) {
  CommandLine line;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      line.bare_before_dashes = line.bare.size();
      line.bare.insert(line.bare.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                       words.end());
      return line;
    }
    if (word.size() < 2 || word[0] != '-') {
      line.bare.push_back(word);
      continue;
    }
    const std::size_t equals = word.find('=');
    const std::string option = word.substr(0, equals);
    const SettingRow* row =
        option.starts_with("--") ? find_setting(std::string_view(option).substr(2)) : nullptr;
    if (option == "--help" || option == "-h") {
      line.help = true;
    } else if (option == "--version") {
      line.version = true;
    } else if (!row) {
      if (!line.unknown) line.unknown = option;
    } else if (equals != std::string::npos) {
      line.flags[row].push_back(word.substr(equals + 1));
    } else if (row->is_flag()) {
      line.flags[row].push_back("true");
    } else if (i + 1 == words.size()) {
      return usage(fmt::format("{} needs a value: {}", option, row->range));
    } else {
      line.flags[row].push_back(words[++i]);
    }
  }
  line.bare_before_dashes = line.bare.size();
  return line;
}

// The first word may name the subcommand, unless it follows "--".
Result<Invocation> choose_subcommand(const CommandLine& line) {
  Invocation invocation;
  invocation.arguments = line.bare;
  if (line.bare_before_dashes == 0) return invocation;
  const std::string& first = line.bare.front();
  const auto reserved = reserved_words();
  if (std::find(reserved.begin(), reserved.end(), first) != reserved.end())
    return usage(fmt::format(
        "the command {0} is not available in this version; to index the folder {0}, give ./{0}",
        first));
  const auto table = subcommand_table();
  const auto row =
      std::find_if(table.begin(), table.end(), [&](const auto& r) { return r.name == first; });
  if (row == table.end()) return invocation;
  invocation.subcommand = row->subcommand;
  invocation.subcommand_named = true;
  invocation.arguments.erase(invocation.arguments.begin());
  return invocation;
}

/// "supervisor search QUERY"
std::string usage_of(const SubcommandRow& row) {
  const std::string_view space = row.arguments.empty() ? "" : " ";
  return fmt::format("{} {}{}{}", program_name(), row.name, space, row.arguments);
}

Result<void> check_arguments(const Invocation& invocation) {
  const SubcommandRow& row = subcommand_table()[static_cast<std::size_t>(invocation.subcommand)];
  const std::vector<std::string>& arguments = invocation.arguments;
  if (arguments.empty() && !invocation.subcommand_named)
    return usage(
        fmt::format("the PATH to index is missing; usage: {0} PATH ({0} --help lists the commands "
                    "and options)",
                    program_name()));
  if (arguments.size() < row.least_arguments)
    return usage(
        fmt::format("{} needs the argument {}; usage: {}", row.name, row.arguments, usage_of(row)));
  if (std::find(arguments.begin(), arguments.end(), "") != arguments.end())
    return usage(fmt::format("an argument of {} is empty; usage: {}", row.name, usage_of(row)));
  if (arguments.size() > row.most_arguments) {
    const std::string_view hint = invocation.subcommand == Subcommand::kSearch
                                      ? ", with quotes around a QUERY of several words"
                                      : "";
    return usage(fmt::format("unexpected argument \"{}\"; usage: {}{}",
                             arguments[row.most_arguments], usage_of(row), hint));
  }
  // A PATH is bytes; every other argument is compared with text of the database.
  const auto bad = std::find_if_not(arguments.begin(), arguments.end(), is_utf8);
  if (invocation.subcommand != Subcommand::kIndex && bad != arguments.end())
    return usage(fmt::format("the argument \"{}\" of {} is not valid UTF-8; give UTF-8 text",
                             display_path(*bad), row.name));
  if (invocation.subcommand == Subcommand::kDatabase &&
      std::find(kDatabaseVerbs.begin(), kDatabaseVerbs.end(), arguments[0]) == kDatabaseVerbs.end())
    return usage(fmt::format("unknown argument \"{}\" of database; give start, stop, url or index",
                             arguments[0]));
  return {};
}

Result<void> check_flags(const CommandLine& line, Subcommand subcommand) {
  if (line.unknown) return unknown_option(*line.unknown, subcommand);
  for (const auto& [row, values] : line.flags)
    if (!row->used_by(subcommand))
      return usage(fmt::format("--{0} is not an option of {1}; {2} {1} --help lists the options",
                               row->name, name(subcommand), program_name()));
  const auto given = [&](std::string_view option) {
    const auto found = line.flags.find(find_setting(option));
    return found != line.flags.end() && found->second.back() == "true";
  };
  if (given("verbose") && given("quiet"))
    return usage("--verbose and --quiet cannot be combined; give only one of them");
  return {};
}

/// Whether the command uses the embedded database even where a variable or file names another one.
bool is_about_embedded(const Invocation& invocation) {
  return invocation.subcommand == Subcommand::kDatabase &&
         invocation.arguments.front() != kDatabaseIndex;
}

/// Checks that no flag names a database where the command is about the embedded one.
Result<void> check_database_flag(const CommandLine& line, const Invocation& invocation) {
  if (!is_about_embedded(invocation) || !line.flags.contains(find_setting(kDatabaseUrl))) return {};
  const std::string& verb = invocation.arguments.front();
  return usage(
      fmt::format("--{} is not an option of database {}, which is about the embedded "
                  "database; leave it out",
                  kDatabaseUrl, verb));
}

/// The variable that `environment` gives a setting by.
std::string variable_of(const Environment& environment, const SettingRow& row) {
  const std::string ours = environment_name(row);
  const bool by_twin = row.name == kDatabaseUrl && !environment.contains(ours);
  return by_twin ? "DATABASE_URL" : ours;
}

std::map<const SettingRow*, Values> from_environment(const Environment& environment) {
  std::map<const SettingRow*, Values> values;
  for (const SettingRow& row : settings_table()) {
    if (row.sources == Sources::kFlagOnly) continue;
    const std::string variable = variable_of(environment, row);
    std::string_view text = value_of(environment, variable);
    // Empty, this one alone says something: the embedded database, whatever DATABASE_URL names.
    if (text.empty() && row.name == kDatabaseUrl && environment.contains(environment_name(row)))
      values[&row].emplace_back();
    if (text.empty()) continue;
    // Globs may hold commas, colons and spaces, so lists are separated by line ends.
    while (row.repeatable && text.find('\n') != std::string_view::npos) {
      values[&row].emplace_back(text.substr(0, text.find('\n')));
      text.remove_prefix(text.find('\n') + 1);
    }
    if (!text.empty()) values[&row].emplace_back(text);
  }
  return values;
}

std::optional<Values> values_of(const nlohmann::json& json, const SettingRow& row) {
  if (json.is_string()) return Values{json.get<std::string>()};
  if (json.is_boolean() && row.is_flag()) return Values{json.get<bool>() ? "true" : "false"};
  if (json.is_number_unsigned() && !row.is_flag()) return Values{json.dump()};
  if (!json.is_array() || !row.repeatable) return std::nullopt;
  Values values;
  for (const nlohmann::json& item : json) {
    if (!item.is_string()) return std::nullopt;
    values.push_back(item.get<std::string>());
  }
  return values;
}

Error config_invalid(std::string sentence, const std::string& file) {
  return {ErrorCode::kConfigInvalid, std::move(sentence), file};
}

// Reads only a regular file: a FIFO blocks until it has a writer, a device may never end.
std::optional<std::string> read_config(const std::string& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status{};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return std::nullopt;
  return read_to_end(fd.get());
}

std::string unknown_key(const std::string& key) {
  if (find_setting(key))
    return fmt::format("the --config file cannot set \"{0}\"; give --{0} as an option", key);
  const SettingRow* const nearest = nearest_setting(
      key, [](const SettingRow& row) { return row.sources == Sources::kEverywhere; });
  return nearest ? fmt::format("unknown setting \"{}\" in the --config file; did you mean \"{}\"?",
                               key, nearest->name)
                 : fmt::format(
                       "unknown setting \"{}\" in the --config file; {} --help lists the "
                       "settings",
                       key, program_name());
}

Result<std::map<const SettingRow*, Values>> from_file(const std::string& file) {
  const std::optional<std::string> text = read_config(file);
  if (!text)
    return config_invalid("the --config file cannot be read; give a regular file that is readable",
                          file);
  const nlohmann::json object = nlohmann::json::parse(*text, nullptr, false);
  if (!object.is_object())
    return config_invalid("the --config file must hold a JSON object, e.g. {\"workers\": 4}", file);
  std::map<const SettingRow*, Values> values;
  for (const auto& [key, json] : object.items()) {
    const SettingRow* row = find_setting(key);
    if (!row || row->sources != Sources::kEverywhere) return config_invalid(unknown_key(key), file);
    const std::optional<Values> read = values_of(json, *row);
    if (!read)
      return config_invalid(fmt::format("{} must be {}", spell_key(*row), row->range), file);
    if (!read->empty()) values.emplace(row, *read);
  }
  return values;
}

Result<void> apply(Invocation& invocation, const Given& given) {
  for (const auto& [row, values] : given.values) {
    // A variable or file may name another database for the commands that use one.
    if (row->name == kDatabaseUrl && is_about_embedded(invocation)) continue;
    if (!row->used_by(invocation.subcommand) || row->set(invocation.settings, values)) continue;
    std::string joined = fmt::format("{}", fmt::join(values, "\", \""));
    if (!is_utf8(joined)) joined = display_path(joined);
    const std::string shown = row->secret ? "" : fmt::format(" is \"{}\" but", joined);
    const std::string fault =
        row->fault ? row->fault(values) : fmt::format("must be {}", row->range);
    return Error{given.code, fmt::format("{}{} {}", given.spell(*row), shown, fault), {}};
  }
  return {};
}

Result<void> apply_all(Invocation& invocation, const CommandLine& line,
                       const Environment& environment) {
  Given file{ErrorCode::kConfigInvalid, {}, spell_key};
  const Given variables{ErrorCode::kConfigInvalid, from_environment(environment),
                        [&](const SettingRow& row) { return variable_of(environment, row); }};
  const Given flags{ErrorCode::kUsage, line.flags, spell_flag};
  for (const Given* source : {&flags, &variables}) {
    const auto config = source->values.find(find_setting("config"));
    if (config == source->values.end()) continue;
    auto read = from_file(config->second.back());
    if (!read) return read.error();
    file.values = *std::move(read);
    break;
  }
  for (const Given* source : {static_cast<const Given*>(&file), &variables, &flags})
    if (Result<void> done = apply(invocation, *source); !done) return done;
  return {};
}

}  // namespace

Result<Invocation> parse_invocation(const std::vector<std::string>& words,
                                    const Environment& environment) {
  const Result<CommandLine> line = scan_words(words);
  if (!line) return line.error();
  Result<Invocation> invocation = choose_subcommand(*line);
  if (!invocation) return invocation;
  if (line->help || line->version) {
    invocation->request = line->help ? Invocation::Request::kHelp : Invocation::Request::kVersion;
    return invocation;
  }
  if (auto checked = check_flags(*line, invocation->subcommand); !checked) return checked.error();
  if (auto checked = check_arguments(*invocation); !checked) return checked.error();
  if (auto checked = check_database_flag(*line, *invocation); !checked) return checked.error();
  if (auto applied = apply_all(*invocation, *line, environment); !applied) return applied.error();
  return invocation;
}

}  // namespace forkdex
