// Decoding: whatever the bytes, the text is one that the database takes, and every place in it is
// found again on disk.

#include "worker/parse/decode.h"

#include <string_view>

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

enum class Form { kUtf8, kLatin1, kUtf16, kReplaced, kOther };

Form form_of(std::string_view detail) {
  if (detail.find("decoded as Latin-1") != detail.npos) return Form::kLatin1;
  if (detail == "decoded as UTF-16") return Form::kUtf16;
  if (detail.find("not UTF-8 and became U+FFFD") != detail.npos) return Form::kReplaced;
  return detail.find("decoded as") == detail.npos ? Form::kUtf8 : Form::kOther;
}

// The language whose declaration the bytes may begin with.
std::string_view language_of_bytes(std::string_view bytes) {
  if (bytes.starts_with("<?")) return "xml";
  if (bytes.starts_with('<')) return "html";
  return bytes.starts_with('@') ? "css" : "python";
}

void check_character(Form form, std::string_view sequence, std::string_view stored) {
  if (form == Form::kUtf8)
    expect(stored == sequence, "UTF-8 is kept as it is");
  else if (form == Form::kLatin1)
    expect(stored.size() == 1 && is_latin1(sequence, stored[0]), "a byte is its Latin-1 character");
  else if (form == Form::kUtf16)
    expect(stored.size() == (sequence.size() == 4 ? 4 : 2), "UTF-16 has units of two bytes");
  else if (form == Form::kReplaced)
    expect(stored == sequence || (sequence == "\uFFFD" && !is_utf8(stored)),
           "what is UTF-8 is kept as it is");
}

void check(std::string_view bytes) {
  const Result<DecodedText> decoded = decode(bytes, language_of_bytes(bytes));
  if (!decoded) {
    const ErrorCode code = decoded.error().code;
    expect(code == ErrorCode::kBinaryFile || code == ErrorCode::kBadEncoding, "an error of decode");
    return;
  }
  const std::string_view text = decoded->text();
  expect(is_utf8(text), "the text is UTF-8");
  expect(text.find('\0') == std::string_view::npos, "no NUL is in the text");
  const Form form = form_of(decoded->detail());
  const bool marked = form == Form::kUtf16 || bytes.starts_with("\xEF\xBB\xBF");
  std::size_t at = decoded->disk_offset(0);
  expect(text.empty() || at == (form == Form::kUtf16 ? 2u
                                : marked             ? 3u
                                                     : 0u),
         "the text begins after the byte order mark");
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view sequence = text.substr(i, utf8_sequence(text.substr(i)));
    i += sequence.size();
    const std::size_t next = decoded->disk_offset(i);
    expect(next >= at && next <= bytes.size(), "places ascend");
    check_character(form, sequence, bytes.substr(at, next - at));
    at = next;
  }
  expect(decoded->disk_offset(text.size()) == bytes.size(), "nothing is left over");
}

const Registration kTarget("decode", check);

}  // namespace
}  // namespace forkdex::fuzz
