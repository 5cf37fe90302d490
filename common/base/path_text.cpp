#include "common/base/path_text.h"

#include <cstddef>
#include <cstdint>

#include "common/base/terminal_text.h"
#include "common/base/utf8.h"

namespace forkdex {
namespace {

std::uint8_t byte_at(std::string_view text, std::size_t i) {
  return static_cast<std::uint8_t>(text[i]);
}

void append_hex(std::string& out, std::uint8_t byte) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out += "\\x";
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

/// C0 and DEL, and C1 as UTF-8 writes it.
bool starts_control(std::string_view text) {
  const char32_t first = first_character(text).code_point;
  return first < 0x20 || (first >= 0x7F && first < 0xA0);
}

bool starts_nothing(std::string_view) { return false; }

/// Escapes what is not UTF-8, backslashes, and characters of which `is_escaped` is true.
std::string escape(std::string_view raw, bool (*is_escaped)(std::string_view text)) {
  std::string out;
  out.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size();) {
    const std::size_t length = utf8_sequence(raw.substr(i));
    if (length == 0) {
      append_hex(out, byte_at(raw, i++));
      continue;
    }
    if (raw[i] == '\\') {
      out += "\\\\";
    } else if (is_escaped(raw.substr(i, length))) {
      for (std::size_t k = i; k < i + length; ++k) append_hex(out, byte_at(raw, k));
    } else {
      out.append(raw, i, length);
    }
    i += length;
  }
  return out;
}

std::optional<std::uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

}  // namespace

std::string escape_path(std::string_view raw) { return escape(raw, starts_nothing); }

std::string display_path(std::string_view raw) { return escape(raw, starts_unprintable); }

std::string name_from_path(std::string_view raw) { return escape(raw, starts_control); }

std::optional<std::string> unescape_path(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    if (text[i] == '\\') {
      out += '\\';
      continue;
    }
    if (text[i] != 'x' || i + 2 >= text.size()) return std::nullopt;
    const auto high = hex_digit(text[i + 1]);
    const auto low = hex_digit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    out += static_cast<char>(*high << 4 | *low);
    i += 2;
  }
  return out;
}

}  // namespace forkdex
