#include "worker/parse/decode.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/base/utf8.h"
#include "worker/parse/declared_encoding.h"
#include "worker/parse/encodings.h"

namespace forkdex {
namespace {

constexpr std::size_t kCheckpointBytes = 4096;
constexpr std::size_t kMaxShownLabel = 40;
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
    checkpoints_.push_back({owned_.size(), disk_offset, widths_.size()});
  }
  append_utf8(code_point, owned_);
}

std::size_t DecodedText::disk_offset(std::size_t text_offset) const {
  if (width_ == Width::kSame) return text_offset + bom_bytes_;
  if (text_offset == owned_.size()) return bytes_.size();
  auto after = std::ranges::upper_bound(checkpoints_, text_offset, {}, &Checkpoint::text);
  Checkpoint at = *std::prev(after);  // the first checkpoint is at 0
  while (at.text < text_offset) {
    const std::size_t length = utf8_sequence(std::string_view(owned_).substr(at.text));
    at.text += length;
    if (width_ == Width::kCounted) {
      at.disk += static_cast<unsigned char>(widths_[at.character++]);
    } else {
      at.disk += width_ == Width::kLatin1 ? 1 : length == 4 ? 4 : 2;
    }
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

/// How much of `bytes` is UTF-8 in form. A surrogate in three bytes counts as a character: it is
/// what some programs take for UTF-8, and nothing else.
struct Utf8Likeness {
  std::size_t characters = 0;  // beyond ASCII
  std::size_t strange = 0;     // bytes that cannot stand where they do

  bool is_likely() const { return characters > 0 && characters >= strange; }
};

Utf8Likeness utf8_likeness(std::string_view bytes) {
  Utf8Likeness likeness;
  for (std::size_t i = 0; i < bytes.size();) {
    const Utf8Character first = first_character(bytes.substr(i));
    const bool surrogate = i + 2 < bytes.size() && byte_at(bytes, i) == 0xED &&
                           byte_at(bytes, i + 1) >= 0xA0 && is_continuation(bytes[i + 1]) &&
                           is_continuation(bytes[i + 2]);
    const bool cut_off = !first.valid && first.bytes > 1 && i + first.bytes == bytes.size();
    if (surrogate || cut_off || (first.valid && first.bytes > 1)) ++likeness.characters;
    if (!first.valid && !surrogate && !cut_off) ++likeness.strange;
    i += surrogate ? 3 : first.bytes;
  }
  return likeness;
}

bool is_ascii(std::string_view bytes) {
  return std::ranges::all_of(bytes, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string replaced_text(std::size_t bytes, std::string_view encoding) {
  return fmt::format("{} {} not {} and became U+FFFD", bytes,
                     bytes == 1 ? "byte that is" : "bytes that are", encoding);
}

}  // namespace

/// One file being decoded.
class Decoding {
 public:
  Decoding(std::string_view bytes, std::string_view language) : language_(language) {
    text_.bytes_ = bytes;
  }

  Result<DecodedText> run() {
    const std::string_view bytes = text_.bytes_;
    const bool little_endian = bytes.starts_with(kUtf16LeBom);
    if (little_endian || bytes.starts_with(kUtf16BeBom)) {
      if (auto read = read_utf16(little_endian); !read) return read.error();
      return std::move(text_);
    }
    if (bytes.find('\0') != std::string_view::npos) return binary("NUL bytes");
    if (bytes.starts_with(kUtf8Bom)) text_.bom_bytes_ = kUtf8Bom.size();
    if (!read_declared() && !is_utf8(body())) read_undeclared();
    return std::move(text_);
  }

 private:
  std::string_view body() const { return text_.bytes_.substr(text_.bom_bytes_); }

  void say(std::string_view sentence) {
    if (!text_.detail_.empty()) text_.detail_ += "; ";
    text_.detail_ += sentence;
  }

  Result<void> read_utf16(bool little_endian) {
    text_.borrowed_ = false;
    text_.bom_bytes_ = kUtf16LeBom.size();
    text_.width_ = DecodedText::Width::kUtf16;
    say("decoded as UTF-16");
    const Utf16Reader reader(text_.bytes_, little_endian);
    std::size_t position = text_.bom_bytes_;
    while (position < text_.bytes_.size()) {
      const std::size_t start = position;
      char32_t code_point = 0;
      if (!reader.next(position, code_point)) {
        return Error{ErrorCode::kBadEncoding, "the byte order mark says UTF-16, the bytes are not",
                     "byte " + std::to_string(start)};
      }
      if (code_point == 0) return binary("U+0000 in UTF-16 text");
      text_.append(code_point, start);
    }
    return {};
  }

  /// Decodes what the file declares, if it does and that is true.
  bool read_declared() {
    const auto label = declared_encoding(body(), language_);
    if (!label) return false;
    const Encoding* encoding =
        declares_for_browsers(language_) ? web_encoding_named(*label) : encoding_named(*label);
    const std::string shown(capped(to_valid_utf8(*label), kMaxShownLabel));
    declared_utf8_ = encoding && encoding->name == "UTF-8";
    if (declared_utf8_) return false;
    if (is_ascii(body()) && !(encoding && encoding->is_stateful)) return true;
    if (!encoding) {
      say(fmt::format("declares {}, which is not known here", shown));
      return false;
    }
    if (text_.bom_bytes_ > 0) {
      say(fmt::format("declares {}, and its byte order mark says UTF-8", shown));
      return false;
    }
    if (read_as(*encoding)) return true;
    say(fmt::format("declares {}, which it is not", shown));
    return false;
  }

  /// Decodes `encoding`; changes nothing where the bytes are something else.
  bool read_as(const Encoding& encoding) {
    if (encoding.name == "ISO-8859-1") {
      read_latin1();
      return true;
    }
    std::size_t position = 0;
    std::size_t characters = 0;
    std::size_t strange = 0;
    text_.width_ = DecodedText::Width::kCounted;
    const bool known = convert(encoding, text_.bytes_, [&](char32_t character, std::size_t bytes) {
      const bool replaced = character == kReplacementCharacter || character == 0;
      if (replaced) ++strange;
      if (!replaced && character >= 0x80) ++characters;
      append_counted(replaced ? kReplacementCharacter : character, position, bytes);
      position += bytes;
    });
    const bool is_it = known && (strange == 0 || (characters >= strange && !is_utf8(body())));
    if (!is_it) {
      DecodedText unread;
      unread.bytes_ = text_.bytes_;
      text_ = std::move(unread);
      return false;
    }
    text_.borrowed_ = false;
    say(fmt::format("decoded as {}", encoding.name));
    if (strange > 0) say(replaced_text(strange, encoding.name));
    return true;
  }

  void read_undeclared() {
    Utf8Likeness likeness = utf8_likeness(body());
    if (text_.bom_bytes_ > 0 || declared_utf8_) ++likeness.characters;
    if (!likeness.is_likely()) return read_latin1();
    text_.borrowed_ = false;
    text_.width_ = DecodedText::Width::kCounted;
    std::size_t strange = 0;
    for (std::size_t i = text_.bom_bytes_; i < text_.bytes_.size();) {
      const Utf8Character first = first_character(text_.bytes_.substr(i));
      if (!first.valid) strange += first.bytes;
      append_counted(first.code_point, i, first.bytes);
      i += first.bytes;
    }
    say(replaced_text(strange, "UTF-8"));
  }

  void read_latin1() {
    text_.borrowed_ = false;
    text_.width_ = DecodedText::Width::kLatin1;
    for (std::size_t i = text_.bom_bytes_; i < text_.bytes_.size(); ++i)
      text_.append(byte_at(text_.bytes_, i), i);
    say("decoded as Latin-1");
  }

  void append_counted(char32_t code_point, std::size_t disk_offset, std::size_t bytes) {
    text_.append(code_point, disk_offset);
    text_.widths_ += static_cast<char>(std::min<std::size_t>(bytes, 255));
  }

  std::string_view language_;
  DecodedText text_;
  bool declared_utf8_ = false;
};

Result<DecodedText> decode(std::string_view bytes, std::string_view language) {
  return Decoding(bytes, language).run();
}

}  // namespace forkdex
