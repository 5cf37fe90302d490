// Lines end with a line feed, a carriage return or both; white space is what the grammars skip.

#include "worker/parse/line_ends.h"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>

#include "tests/unit/worker/parse/chunk_faults.h"
#include "tests/unit/worker/parse/chunker_fixture.h"

using namespace forkdex;
using test::only;
using test::outline;
using test::parsed;

namespace {

std::string with_ends(std::string_view text, std::string_view end) {
  std::string result;
  for (const char c : text) result += c == '\n' ? std::string(end) : std::string(1, c);
  return result;
}

}  // namespace

TEST_CASE("line ends: a file is cut alike whatever ends its lines", "[parse]") {
  const std::pair<const char*, const char*> files[] = {
      {"a.py",
       "'''Old\nfile.'''\nimport os\n\ndef size(p):\n    '''Gives\n    the size.'''\n"
       "    return p\n\n# above\ndef name(p):\n    return p\n"},
      {"a.js",
       "// count\n\n/** Adds\n * one. */\nfunction one(n) {\n  return n; // all\n}\n\n"
       "const o = {\n  two() {\n    return 2;\n  },\n};\n"},
      {"a.ts", "interface A {\n  b: string;\n}\n\nenum E {\n  X,\n}\n// last\n"},
      {"a.txt", "one\ntwo\n\nthree\n"}};
  for (const auto& [path, source] : files) {
    const ParsedFile expected = parsed(path, source);
    for (const char* end : {"\r", "\r\n"}) {
      const std::string bytes = with_ends(source, end);
      const ParsedFile file = parsed(path, bytes);
      CHECK(outline(path, bytes) == outline(path, source));
      REQUIRE(file.chunks.size() == expected.chunks.size());
      for (std::size_t i = 0; i < file.chunks.size(); ++i) {
        CHECK(file.chunks[i].docstring == expected.chunks[i].docstring);
        CHECK(file.chunks[i].signature == expected.chunks[i].signature);
        CHECK(file.chunks[i].source == with_ends(expected.chunks[i].source, end));
      }
      CHECK(test::chunks_fault(file, bytes, 256, test::count_tokens) == "");
    }
  }
}

TEST_CASE("line ends: a carriage return alone ends a line between others too", "[parse]") {
  CHECK(outline("a.js", "a();\rb();\r\nc();\n// x\rfunction f() {}\n") ==
        "module 1-3 @1\nfunction f 4-5 @5\n");
  CHECK(outline("a.py", "x = 1\r\r\ndef f():\r    pass\n") == "module 1-1 @1\nfunction f 3-4 @3\n");
}

TEST_CASE("line ends: U+2028 ends a comment in JavaScript and starts no line", "[parse]") {
  const ParsedFile file = parsed("a.js", "// a\u2028function f() {}\n\nfunction g() {}\n");
  CHECK(only(file, "f").definition_line == 1);
  CHECK(only(file, "g").definition_line == 3);
}

TEST_CASE("white space: what the grammar skips is no text of its own", "[parse]") {
  for (const char* space : {"\uFEFF", "\u00a0", "\u200b", "\u3000", "\u2003", "\u2028", "\u2060"}) {
    INFO(test::is_blank(space));
    const std::string source = "/** a */\nfunction a() { return 1; }\n" + std::string(space) +
                               "/** b */\nfunction b() { return 2; }\n" + space + "\n";
    CHECK(outline("a.js", source) == "function a 1-2 @2\nfunction b 3-4 @4\n");
    CHECK(only("a.js", source, "b").docstring == "b");
  }
  CHECK(outline("a.js", "/** a */\u00a0\nfunction a() {}\n\u00a0function d() { return 4; }\n") ==
        "function a 1-2 @2\nfunction d 3-3 @3\n");
  CHECK(parsed("a.txt", "\uFEFF\u3000\n").chunks.empty());
}
