#pragma once

// How the text of a value becomes a member of Settings: a function for each kind of value, which
// the rows of settings_table.cpp name. A function of a repeatable setting stores every value, any
// other stores the last one. REQUIRES at least one value. Returns false and stores nothing when a
// value is outside its range.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "common/base/utf8.h"
#include "supervisor/settings/settings.h"

namespace forkdex {

using Values = std::vector<std::string>;

/// Reads decimal digits; nothing where `text` holds anything else or more than 64 bits.
std::optional<std::uint64_t> whole_number(std::string_view text);

/// Reads "512", "64K", "10 MiB" or "1gb" as bytes; units are powers of 1024, as in Docker and
/// systemd.
std::optional<std::uint64_t> size_in_bytes(std::string_view text);

/// Reads "true", "no" and the other words for a flag.
std::optional<bool> truth(std::string_view text);

/// Whether `text` has 1 to `most_bytes` bytes and no control character.
bool is_plain_text(std::string_view text, std::size_t most_bytes);

/// Whether every value is a glob without control characters, of at most 4096 bytes.
bool are_globs(const Values& values);

bool set_path_glob(Settings& settings, const Values& values);
bool set_max_file_size(Settings& settings, const Values& values);
bool set_memory_per_worker(Settings& settings, const Values& values);
/// Splits every value at its commas.
bool set_languages(Settings& settings, const Values& values);
bool set_language(Settings& settings, const Values& values);
bool set_shard(Settings& settings, const Values& values);
/// Checks the name of the --config file, which parse_invocation reads before the other settings.
bool check_config_name(Settings& settings, const Values& values);

template <auto Member>
bool set_flag(Settings& settings, const Values& values) {
  const std::optional<bool> value = truth(values.back());
  if (value) settings.*Member = *value;
  return value.has_value();
}

/// A false value resets kWhenSet alone: --quiet=false leaves --verbose.
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

/// "auto" stores nothing in the optional member.
template <auto Member, std::uint64_t kLeast, std::uint64_t kMost>
bool set_number_or_auto(Settings& settings, const Values& values) {
  const std::optional<std::uint64_t> number = whole_number(values.back());
  if (values.back() != "auto" && (!number || *number < kLeast || *number > kMost)) return false;
  settings.*Member = std::nullopt;
  if (number) settings.*Member = static_cast<std::uint32_t>(*number);
  return true;
}

/// `kNames` are in the order of the enumerators.
template <auto Member, const auto& kNames>
bool set_choice(Settings& settings, const Values& values) {
  const auto found = std::find(kNames.begin(), kNames.end(), values.back());
  if (found == kNames.end()) return false;
  using Choice = std::remove_reference_t<decltype(settings.*Member)>;
  settings.*Member = static_cast<Choice>(found - kNames.begin());
  return true;
}

/// Text of any encoding, such as a file name.
template <auto Member, std::size_t kMostBytes>
bool set_text(Settings& settings, const Values& values) {
  if (!is_plain_text(values.back(), kMostBytes)) return false;
  settings.*Member = values.back();
  return true;
}

/// Text for the database, which takes UTF-8 only.
template <auto Member, std::size_t kMostBytes>
bool set_utf8(Settings& settings, const Values& values) {
  return is_utf8(values.back()) && set_text<Member, kMostBytes>(settings, values);
}

/// Text that may be empty or hold control characters.
template <std::optional<std::string> Settings::* Member>
bool set_prefix(Settings& settings, const Values& values) {
  if (values.back().size() > 1024 || !is_utf8(values.back())) return false;
  settings.*Member = values.back();
  return true;
}

template <auto Member>
bool set_globs(Settings& settings, const Values& values) {
  if (!are_globs(values)) return false;
  settings.*Member = values;
  return true;
}

constexpr std::size_t digits_of(std::uint64_t number) {
  return number < 10 ? 1 : 1 + digits_of(number / 10);
}

/// "a whole number from 1 to 64", from the same constants as the check of set_number.
template <std::uint64_t kLeast, std::uint64_t kMost>
inline constexpr auto kWholeNumberText = [] {
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

}  // namespace forkdex
