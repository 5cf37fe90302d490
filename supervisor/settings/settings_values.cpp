#include "supervisor/settings/settings_values.h"

#include <charconv>
#include <limits>

#include "common/base/glob.h"
#include "common/base/languages.h"

namespace forkdex {

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

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

std::optional<bool> truth(std::string_view text) {
  constexpr std::array<std::string_view, 4> kYes = {"1", "true", "yes", "on"};
  constexpr std::array<std::string_view, 4> kNo = {"0", "false", "no", "off"};
  if (std::find(kYes.begin(), kYes.end(), text) != kYes.end()) return true;
  if (std::find(kNo.begin(), kNo.end(), text) != kNo.end()) return false;
  return std::nullopt;
}

bool is_plain_text(std::string_view text, std::size_t most_bytes) {
  return !text.empty() && text.size() <= most_bytes &&
         std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

bool are_globs(const Values& values) {
  return std::all_of(values.begin(), values.end(), [](const std::string& value) {
    return is_plain_text(value, 4096) && is_glob(value);
  });
}

bool set_path_glob(Settings& settings, const Values& values) {
  return is_glob(values.back()) && set_text<&Settings::path_glob, 4096>(settings, values);
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

bool set_language(Settings& settings, const Values& values) {
  if (!is_language(values.back())) return false;
  settings.language = values.back();
  return true;
}

bool set_shard(Settings& settings, const Values& values) {
  settings.shard = Shard::parse(values.back());
  return settings.shard.has_value();
}

bool check_config_name(Settings&, const Values& values) {
  return is_plain_text(values.back(), 4096);
}

}  // namespace forkdex
