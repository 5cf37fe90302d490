#include "common/base/utf8.h"

#include <cstdint>
#include <cstring>

namespace forkdex {

bool is_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    std::uint64_t eight = 0;
    while (i + sizeof eight <= text.size()) {  // most source is ASCII
      std::memcpy(&eight, text.data() + i, sizeof eight);
      if (eight & 0x8080808080808080U) break;
      i += sizeof eight;
    }
    if (i == text.size()) break;
    const std::size_t length = utf8_sequence(text.substr(i));
    if (length == 0) return false;
    i += length;
  }
  return true;
}

void append_utf8(char32_t code_point, std::string& text) {
  const auto put = [&text](char32_t bits) { text.push_back(static_cast<char>(bits)); };
  const auto put_following = [&](int shift) { put(0x80 | ((code_point >> shift) & 0x3F)); };
  if (code_point < 0x80) return put(code_point);
  if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put_following(6);
  } else {
    put(0xF0 | (code_point >> 18));
    put_following(12);
    put_following(6);
  }
  put_following(0);
}

std::string to_valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size() + text.size() / 8);
  while (!text.empty()) {
    const Utf8Character first = first_character(text);
    append_utf8(first.code_point, valid);
    text.remove_prefix(first.bytes);
  }
  return valid;
}

std::size_t code_point_border(std::string_view text, std::size_t offset) {
  if (offset >= text.size()) return text.size();
  while (offset > 0 && is_continuation(text[offset])) --offset;
  return offset;
}

std::string_view capped(std::string_view text, std::size_t max_bytes) {
  return text.substr(0, code_point_border(text, max_bytes));
}

}  // namespace forkdex
