#include "supervisor/repository/git/config_text.h"

#include <cstddef>

#include <fmt/format.h>

namespace forkdex {
namespace {

std::string quoted(std::string_view value) {
  std::string text = "\"";
  for (const char c : value) {
    if (c == '\n') {
      text += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}

}  // namespace

// The first and the last part of a key are plain, what stands between them may be anything.
std::optional<std::string> config_lines(std::string_view key,
                                        std::optional<std::string_view> value) {
  const std::size_t first = key.find('.');
  const std::size_t last = key.rfind('.');
  if (first == std::string_view::npos || first == 0 || last + 1 == key.size()) return std::nullopt;
  const std::string_view middle = first == last ? "" : key.substr(first + 1, last - first - 1);
  if (key.find('\n') != std::string_view::npos) return std::nullopt;
  return fmt::format("[{}{}]\n\t{}{}\n", key.substr(0, first),
                     first == last ? "" : " " + quoted(middle), key.substr(last + 1),
                     value ? " = " + quoted(*value) : "");
}

}  // namespace forkdex
