#include "worker/parse/decode.h"

#include <algorithm>

#include "common/base/utf8.h"

namespace forkdex {
namespace {

constexpr std::size_t kCheckpointBytes = 4096;
constexpr std::string_view kUtf8Bom = "\xEF\xBB\xBF";
constexpr std::string_view kUtf16LeBom = "\xFF\xFE";
constexpr std::string_view kUtf16BeBom = "\xFE\xFF";

unsigned byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

Error binary(std::string_view what) { return Error{ErrorCode::kBinaryFile, std::string(what), {}}; }

}  // namespace

void DecodedText::append(char32_t code_point, std::size_t disk_offset) {
  if (checkpoints_.empty() || owned_.size() >= checkpoints_.back().text + kCheckpointBytes) {
    checkpoints_.push_back({owned_.size(), disk_offset});
  }
  append_utf8(code_point, owned_);
}

std::size_t DecodedText::disk_offset(std::size_t text_offset) const {
  if (width_ == Width::kSame) return text_offset + bom_bytes_;
  if (checkpoints_.empty()) return bom_bytes_;
  auto after = std::ranges::upper_bound(checkpoints_, text_offset, {}, &Checkpoint::text);
  Checkpoint at = *std::prev(after);  // the first checkpoint is at 0
  while (at.text < text_offset) {
    const std::size_t length = utf8_sequence(std::string_view(owned_).substr(at.text));
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
