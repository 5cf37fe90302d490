#include "worker/parse/decode.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace forkdex {
namespace {

constexpr std::size_t kCheckpointBytes = 4096;
constexpr std::string_view kUtf8Bom = "\xEF\xBB\xBF";
constexpr std::string_view kUtf16LeBom = "\xFF\xFE";
constexpr std::string_view kUtf16BeBom = "\xFE\xFF";

unsigned byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

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

/// Bytes that a code point takes in UTF-8, by the first of them.
std::size_t sequence_length(char first) {
  const auto c = static_cast<unsigned char>(first);
  return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

Error binary(std::string_view what) { return Error{ErrorCode::kBinaryFile, std::string(what), {}}; }

}  // namespace

std::size_t utf8_sequence(std::string_view text) {
  if (text.empty()) return 0;
  const unsigned first = byte_at(text, 0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return 0;
  }
  const unsigned second = byte_at(text, 1);
  if (first == 0xE0 && second < 0xA0) return 0;   // overlong
  if (first == 0xED && second >= 0xA0) return 0;  // surrogate
  if (first == 0xF0 && second < 0x90) return 0;   // overlong
  if (first == 0xF4 && second >= 0x90) return 0;  // past U+10FFFF
  return length;
}

std::size_t code_point_border(std::string_view text, std::size_t offset) {
  if (offset >= text.size()) return text.size();
  while (offset > 0 && is_continuation(text[offset])) --offset;
  return offset;
}

std::string_view capped(std::string_view text, std::size_t max_bytes) {
  return text.substr(0, code_point_border(text, max_bytes));
}

void DecodedText::append(char32_t code_point, std::size_t disk_offset) {
  if (checkpoints_.empty() || owned_.size() >= checkpoints_.back().text + kCheckpointBytes) {
    checkpoints_.push_back({owned_.size(), disk_offset});
  }
  const auto put = [this](char32_t bits) { owned_.push_back(static_cast<char>(bits)); };
  if (code_point < 0x80) {
    put(code_point);
    return;
  }
  if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3F));
  } else {
    put(0xF0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3F));
    put(0x80 | ((code_point >> 6) & 0x3F));
  }
  put(0x80 | (code_point & 0x3F));
}

std::size_t DecodedText::disk_offset(std::size_t text_offset) const {
  if (width_ == Width::kSame) return text_offset + bom_bytes_;
  if (checkpoints_.empty()) return bom_bytes_;
  auto after = std::ranges::upper_bound(checkpoints_, text_offset, {}, &Checkpoint::text);
  Checkpoint at = *std::prev(after);  // the first checkpoint is at 0
  while (at.text < text_offset) {
    const std::size_t length = sequence_length(owned_[at.text]);
    at.text += length;
    at.disk += width_ == Width::kLatin1 ? 1 : length == 4 ? 4 : 2;
  }
  return at.disk;
}

namespace {

/// Reads UTF-16 code points one by one.
class Utf16Reader {
 public:
  Utf16Reader(std::string_view bytes, bool little_endian)
      : bytes_(bytes), little_endian_(little_endian) {}

  /// The code point at `position`, which moves past it; false where there is no code point.
  bool next(std::size_t& position, char32_t& code_point) const {
    if (position + 2 > bytes_.size()) return false;
    code_point = unit(position);
    position += 2;
    if (code_point < 0xD800 || code_point > 0xDFFF) return true;
    if (code_point > 0xDBFF || position + 2 > bytes_.size()) return false;
    const char32_t low = unit(position);
    if (low < 0xDC00 || low > 0xDFFF) return false;
    position += 2;
    code_point = 0x10000 + ((code_point - 0xD800) << 10) + (low - 0xDC00);
    return true;
  }

 private:
  char32_t unit(std::size_t position) const {
    const unsigned first = byte_at(bytes_, position);
    const unsigned second = byte_at(bytes_, position + 1);
    return little_endian_ ? (second << 8) | first : (first << 8) | second;
  }

  std::string_view bytes_;
  bool little_endian_;
};

}  // namespace

Result<DecodedText> decode(std::string_view bytes) {
  DecodedText result;
  result.bytes_ = bytes;
  const bool little_endian = bytes.starts_with(kUtf16LeBom);
  if (little_endian || bytes.starts_with(kUtf16BeBom)) {
    result.borrowed_ = false;
    result.bom_bytes_ = kUtf16LeBom.size();
    result.width_ = DecodedText::Width::kUtf16;
    result.detail_ = "decoded as UTF-16";
    const Utf16Reader reader(bytes, little_endian);
    std::size_t position = result.bom_bytes_;
    while (position < bytes.size()) {
      const std::size_t start = position;
      char32_t code_point = 0;
      if (!reader.next(position, code_point)) {
        return Error{ErrorCode::kBadEncoding, "the byte order mark says UTF-16, the bytes are not",
                     "byte " + std::to_string(start)};
      }
      if (code_point == 0) return binary("U+0000 in UTF-16 text");
      result.append(code_point, start);
    }
    return result;
  }
  if (bytes.find('\0') != std::string_view::npos) return binary("NUL bytes");
  if (bytes.starts_with(kUtf8Bom)) result.bom_bytes_ = kUtf8Bom.size();
  if (is_utf8(bytes.substr(result.bom_bytes_))) return result;
  result.borrowed_ = false;
  result.width_ = DecodedText::Width::kLatin1;
  result.detail_ = "decoded as Latin-1";
  for (std::size_t i = result.bom_bytes_; i < bytes.size(); ++i) {
    result.append(byte_at(bytes, i), i);
  }
  return result;
}

}  // namespace forkdex
