// Decoding: whatever the bytes, the text is one that the database takes, and every place in it is
// found again on disk.

#include "worker/parse/decode.h"

#include <string_view>

#include "common/base/path_text.h"
#include "common/base/utf8.h"
#include "tests/fuzz/fuzz_target.h"

namespace forkdex::fuzz {
namespace {

// The one UTF-8 sequence of a code point below U+0100.
bool is_latin1(std::string_view sequence, char byte) {
  const auto value = static_cast<unsigned char>(byte);
  if (value < 0x80) return sequence == std::string_view(&byte, 1);
  const char wanted[] = {static_cast<char>(0xC0 | (value >> 6)),
                         static_cast<char>(0x80 | (value & 0x3F))};
  return sequence == std::string_view(wanted, 2);
}

// How many bytes on disk a code point takes that takes `sequence` in the text.
std::size_t stored_bytes(std::string_view detail, std::string_view sequence) {
  if (detail == "decoded as Latin-1") return 1;
  if (detail == "decoded as UTF-16") return sequence.size() == 4 ? 4 : 2;
  return sequence.size();
}

void check(std::string_view bytes) {
  const Result<DecodedText> decoded = decode(bytes);
  if (!decoded) {
    const ErrorCode code = decoded.error().code;
    expect(code == ErrorCode::kBinaryFile || code == ErrorCode::kBadEncoding, "an error of decode");
    return;
  }
  const std::string_view text = decoded->text();
  expect(is_utf8(text), "the text is UTF-8");
  expect(text.find('\0') == std::string_view::npos, "no NUL is in the text");
  std::size_t at = decoded->disk_offset(0);
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view sequence = text.substr(i, utf8_sequence(text.substr(i)));
    expect(decoded->disk_offset(i) == at, "a place in the text is its place on disk");
    const std::size_t stored = stored_bytes(decoded->detail(), sequence);
    if (decoded->detail().empty())
      expect(bytes.substr(at, stored) == sequence, "UTF-8 is kept as it is");
    else if (stored == 1)
      expect(is_latin1(sequence, bytes[at]), "a byte is its Latin-1 character");
    at += stored;
    i += sequence.size();
  }
  expect(at == bytes.size() && decoded->disk_offset(text.size()) == at, "nothing is left over");
}

const Registration kTarget("decode", check);

}  // namespace
}  // namespace forkdex::fuzz
