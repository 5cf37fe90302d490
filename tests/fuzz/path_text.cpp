// Names and terminal text: bytes come back from their text, and nothing that is shown can steer a
// terminal or is wider than the room it has.

#include "common/base/path_text.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/terminal_text.h"
#include "common/base/utf8.h"
#include "tests/fuzz/fuzz_target.h"

namespace forkdex::fuzz {
namespace {

bool has_control(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return true;
  return false;
}

// A right-to-left override and an isolate stand for what makes a name look like another one.
bool has_override(std::string_view text) {
  return text.find("\u202e") != std::string_view::npos ||
         text.find("\u2066") != std::string_view::npos;
}

// UTF-8, sequence by sequence.
bool is_sequences(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_sequence(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void check(std::string_view bytes) {
  Input input(bytes);
  const std::size_t columns = input.number<std::uint8_t>() % 32;
  const std::string_view name = input.rest();
  const std::string escaped = escape_path(name);
  const std::string displayed = display_path(name);
  expect(is_utf8(escaped) && is_utf8(displayed), "a path's text is UTF-8");
  expect(!has_control(displayed), "no control character is displayed");
  expect(!has_override(displayed), "no bidirectional override is displayed");
  expect(unescape_path(escaped) == name, "a path comes back from its text");
  expect(unescape_path(displayed) == name, "a path comes back from what is displayed");
  if (const auto raw = unescape_path(name)) expect(raw->size() <= name.size(), "an escape shrinks");
  expect(is_utf8(name) == is_sequences(name) && is_utf8(name) == (to_valid_utf8(name) == name),
         "all agree on what UTF-8 is");
  expect(is_utf8(to_valid_utf8(name)), "replacing makes UTF-8");

  const std::string shown = printable(escaped);
  expect(is_utf8(shown) && !has_control(shown), "what is printable has no control character");
  expect(display_width(keep_start(shown, columns)) <= columns, "a kept start fits");
  expect(display_width(keep_end(shown, columns)) <= columns, "a kept end fits");
}

const Registration kTarget("path_text", check);

}  // namespace
}  // namespace forkdex::fuzz
