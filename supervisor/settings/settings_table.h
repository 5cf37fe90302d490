#pragma once

// The tables of subcommands and settings that the command line, --help and docs/configuration.md
// are made of. Their rows are designated initialisers; a member without a default must be given.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/settings/settings.h"

namespace forkdex {

using SubcommandSet = std::uint32_t;
constexpr SubcommandSet set_of(Subcommand subcommand) {
  return SubcommandSet{1} << static_cast<unsigned>(subcommand);
}

struct SubcommandRow {
  Subcommand subcommand;
  std::string_view name;
  std::string_view arguments = {};  ///< as --help spells them
  std::size_t least_arguments = 1;
  std::size_t most_arguments = 1;
  std::string_view sentence;
};
/// Returns a row for each Subcommand, in the order of the enum. supervisor/commands/table.h has
/// their functions.
std::span<const SubcommandRow> subcommand_table();

/// Names of later subcommands: the command line refuses them as a folder.
std::span<const std::string_view> reserved_words();

/// The sources that may give a setting.
enum class Sources : std::uint8_t { kFlagOnly, kFlagAndEnvironment, kEverywhere };

struct SettingRow {
  std::string_view name;                ///< --name, FORKDEX_NAME, "name" in the file
  std::string_view value = {};          ///< as --help spells it; empty: a flag without a value
  std::string_view default_value = {};  ///< empty: the empty value; else set() accepts it
  std::string_view range;               ///< completes "must be …"
  std::string_view sentence;
  SubcommandSet subcommands;
  Sources sources = Sources::kEverywhere;
  bool repeatable = false;  ///< every value counts; else the last one does
  bool secret = false;      ///< no message holds the value
  /// Stores `values` (one, unless repeatable). Returns false when a value is outside the range.
  bool (*set)(Settings& settings, const std::vector<std::string>& values);
  /// What is wrong with `values` that set() refuses, to follow the setting's name; null where
  /// "must be" and the range say it.
  std::string (*fault)(const std::vector<std::string>& values) = nullptr;

  bool is_flag() const { return value.empty(); }
  bool used_by(Subcommand subcommand) const { return (subcommands & set_of(subcommand)) != 0; }
};
std::span<const SettingRow> settings_table();

/// Returns the row of the setting `name`, or null.
const SettingRow* find_setting(std::string_view name);

/// Returns "FORKDEX_MAX_FILE_SIZE" for "max-file-size".
std::string environment_name(const SettingRow& row);

}  // namespace forkdex
