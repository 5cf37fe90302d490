#include "worker/parse/declared_encoding.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

namespace forkdex {
namespace {

constexpr std::size_t kMetaBytes = 1024;  // HTML's rule
constexpr std::string_view kBlanks = " \t\f";
constexpr std::string_view kLabelEnds = "\"'>; \t\r\n\f/";
constexpr std::array<std::string_view, 4> kStyleSheets = {"css", "less", "sass", "scss"};

bool is_label_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

std::string_view without_blanks(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text;
}

/// The first line of `text`, which loses it.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
  const std::string_view line = text.substr(0, end);
  const bool pair = text.substr(end, 2) == "\r\n";
  text.remove_prefix(std::min(end + (pair ? 2 : 1), text.size()));
  return line;
}

/// PEP 263: `^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)`.
std::optional<std::string_view> cookie_in(std::string_view line) {
  if (!without_blanks(line).starts_with('#')) return std::nullopt;
  for (std::size_t at = line.find("coding"); at != line.npos; at = line.find("coding", at + 1)) {
    std::string_view rest = line.substr(at + 6);
    if (!rest.starts_with(':') && !rest.starts_with('=')) continue;
    rest.remove_prefix(1);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    const auto end = std::ranges::find_if_not(rest, is_label_character);
    if (end != rest.begin()) return std::string_view(rest.begin(), end);
  }
  return std::nullopt;
}

std::optional<std::string_view> python_cookie(std::string_view bytes) {
  const std::string_view first = take_line(bytes);
  if (const auto cookie = cookie_in(first)) return cookie;
  const std::string_view said = without_blanks(first);
  if (!said.empty() && said.front() != '#') return std::nullopt;
  return cookie_in(take_line(bytes));
}

/// What stands in quotes after `text`'s start, if a quote stands there.
std::optional<std::string_view> quoted(std::string_view text) {
  if (text.empty() || (text[0] != '"' && text[0] != '\'')) return std::nullopt;
  const std::size_t end = text.find(text[0], 1);
  if (end == std::string_view::npos || end == 1) return std::nullopt;
  return text.substr(1, end - 1);
}

std::optional<std::string_view> style_charset(std::string_view bytes) {
  constexpr std::string_view kRule = "@charset ";
  if (!bytes.starts_with(kRule)) return std::nullopt;
  return quoted(bytes.substr(kRule.size()));
}

std::optional<std::string_view> xml_declaration(std::string_view bytes) {
  if (!bytes.starts_with("<?xml")) return std::nullopt;
  const std::string_view declaration = bytes.substr(0, bytes.find("?>"));
  constexpr std::string_view kEncoding = "encoding";
  const std::size_t at = declaration.find(kEncoding);
  if (at == std::string_view::npos) return std::nullopt;
  const std::size_t value = declaration.find_first_not_of("= \t\r\n", at + kEncoding.size());
  return value == std::string_view::npos ? std::nullopt : quoted(declaration.substr(value));
}

/// The value of the first "charset =" in a tag.
std::optional<std::string_view> charset_in(std::string_view tag, std::string_view lower_tag) {
  constexpr std::string_view kCharset = "charset";
  for (std::size_t at = lower_tag.find(kCharset); at != lower_tag.npos;
       at = lower_tag.find(kCharset, at + 1)) {
    std::size_t value = lower_tag.find_first_not_of(" \t\r\n\f", at + kCharset.size());
    if (value == lower_tag.npos || lower_tag[value] != '=') continue;
    value = lower_tag.find_first_not_of(" \t\r\n\f\"'", value + 1);
    if (value == lower_tag.npos) return std::nullopt;
    const std::size_t end = std::min(tag.find_first_of(kLabelEnds, value), tag.size());
    if (end > value) return tag.substr(value, end - value);
  }
  return std::nullopt;
}

std::optional<std::string_view> meta_charset(std::string_view bytes) {
  bytes = bytes.substr(0, kMetaBytes);
  std::string lower(bytes);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  for (std::size_t at = lower.find('<'); at != lower.npos; at = lower.find('<', at + 1)) {
    if (lower.compare(at, 4, "<!--") == 0) {
      at = lower.find("-->", at);
      if (at == lower.npos) break;
      continue;
    }
    if (lower.compare(at, 5, "<meta") != 0) continue;
    const std::size_t end = std::min(lower.find('>', at), lower.size());
    const auto charset =
        charset_in(bytes.substr(at, end - at), std::string_view(lower).substr(at, end - at));
    if (charset) return charset;
  }
  return std::nullopt;
}

bool is_style_sheet(std::string_view language) {
  return std::ranges::find(kStyleSheets, language) != kStyleSheets.end();
}

}  // namespace

std::optional<std::string_view> declared_encoding(std::string_view bytes,
                                                  std::string_view language) {
  if (language == "python") return python_cookie(bytes);
  if (is_style_sheet(language)) return style_charset(bytes);
  if (language == "xml") return xml_declaration(bytes);
  if (language != "html") return std::nullopt;
  const auto in_xml = xml_declaration(bytes);
  return in_xml ? in_xml : meta_charset(bytes);
}

bool declares_for_browsers(std::string_view language) {
  return language == "html" || is_style_sheet(language);
}

}  // namespace forkdex
