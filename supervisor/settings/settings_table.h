#pragma once

// The table behind settings.h, for the three files that read it.

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
  std::string_view arguments;  ///< as --help spells them
  std::size_t least_arguments;
  std::size_t most_arguments;
  std::string_view sentence;
};
/// One row a Subcommand, in the order of the enum. supervisor/commands/table.h has their functions.
std::span<const SubcommandRow> subcommand_table();

/// Words that will be subcommands: never taken for a folder.
std::span<const std::string_view> reserved_words();

/// Where a setting may come from besides the command line.
enum class Sources : std::uint8_t { kFlagOnly, kFlagAndEnvironment, kEverywhere };

struct SettingRow {
  std::string_view name;           ///< --name, FORKDEX_NAME, "name" in the file
  std::string_view value;          ///< as --help spells it; empty: a flag that takes none
  std::string_view default_value;  ///< what set() makes of the default; empty: the empty value
  std::string_view range;          ///< completes "must be …"
  std::string_view sentence;
  SubcommandSet subcommands;
  Sources sources;
  bool repeatable;  ///< every value counts; else the last one does
  bool secret;      ///< the value never stands in a message
  /// Stores `values` (one, unless repeatable); false when one of them is outside the range.
  bool (*set)(Settings& settings, const std::vector<std::string>& values);

  bool is_flag() const { return value.empty(); }
  bool used_by(Subcommand subcommand) const { return (subcommands & set_of(subcommand)) != 0; }
};
std::span<const SettingRow> settings_table();

/// The row called `name` or null.
const SettingRow* find_setting(std::string_view name);

/// "FORKDEX_MAX_FILE_SIZE" for "max-file-size".
std::string environment_name(const SettingRow& row);

}  // namespace forkdex
