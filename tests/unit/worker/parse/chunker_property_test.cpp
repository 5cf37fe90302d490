// What must hold for every file: nothing of it lost, nothing twice, and every chunk found again in
// the bytes on disk. Over real sources, damaged ones and hostile ones.

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/utf8.h"
#include "tests/unit/worker/parse/chunk_faults.h"
#include "worker/parse/chunker.h"
#include "worker/parse/decode.h"

using namespace forkdex;
using test::chunks_fault;
using test::count_tokens;

namespace {

namespace fs = std::filesystem;
using Random = std::mt19937;

/// A busy machine, or a sanitizer, is no reason to fail.
constexpr std::chrono::hours kNoDeadline{1};

/// Blind to nothing: white space counts too.
std::size_t count_bytes(std::string_view text) { return 2 + (text.size() + 3) / 4; }

struct Source {
  std::string path;
  std::string bytes;
};

bool has_grammar(const fs::path& path) {
  static constexpr std::array kExtensions = {".py", ".js", ".ts", ".tsx", ".jsx", ".mjs", ".cjs"};
  return std::ranges::find(kExtensions, path.extension().string()) != kExtensions.end();
}

/// Real sources among what deploy/setup installed: `sample` of them, the same for the same seed.
std::vector<Source> real_sources(std::size_t sample, Random& random) {
  std::vector<fs::path> paths;
  for (const char* folder : {"venv/lib", "grammars/node_modules"}) {
    const fs::path root = fs::path(FORKDEX_DEPS_DIR) / folder;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      const bool fitting = entry.is_regular_file() && has_grammar(entry.path());
      if (fitting && entry.file_size() < 200'000) paths.push_back(entry.path());
    }
  }
  std::ranges::sort(paths);
  std::ranges::shuffle(paths, random);
  paths.resize(std::min(sample, paths.size()));
  std::vector<Source> sources;
  for (const fs::path& path : paths) {
    std::ifstream file(path, std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(file), {});
    if (decode(bytes).ok() && decode(bytes)->detail().empty()) {
      sources.push_back({path.string(), std::move(bytes)});
    }
  }
  return sources;
}

/// A few TypeScript and JSX texts: what is installed has little of either.
std::vector<Source> written_sources() {
  return {
      {"a.ts",
       "/** Doc. */\n@Injectable({ a: 1 })\nexport class Store<T> implements I {\n"
       "  private readonly map = new Map<string, T>();\n  constructor(private x: number) {}\n"
       "  get size(): number { return this.map.size; }\n  // finds\n  find = (k: string) => {\n"
       "    return this.map.get(k) ?? null;\n  };\n  async *all(): AsyncGenerator<T> {\n"
       "    for (const v of this.map.values()) { if (v) { yield v; } }\n  }\n}\n\n"
       "export namespace N.M {\n  export type U = 'a' | 'b';\n  export enum E { A, B = 2 }\n"
       "  export function f(a: string): void;\n  export function f(a: any) { return a; }\n}\n"
       "declare module 'x' { interface Y { z(): void } }\nconst api = {\n  get() {\n    return 1;\n"
       "  },\n  post: async (u: string) => {\n    await u;\n  },\n};\nexport default api;\n"},
      {"a.tsx",
       "import React from 'react';\n\nexport const List = ({ items }: Props) => {\n"
       "  const [open, setOpen] = useState<boolean>(false);\n  // rows \u4e2d\u6587 \U0001F600\n"
       "  const rows = items.map((i) => <li key={i.id}>{i.name}\u00e9</li>);\n"
       "  function toggle() {\n    setOpen(!open);\n  }\n"
       "  return (\n    <ul onClick={toggle}>{open && rows}</ul>\n  );\n};\n"},
      {"a.jsx",
       "var a = 1, b = function () { return <p>text &amp; more</p>; };\n"
       "module.exports = { render() {\n  return b();\n}, x: 2 };\n"
       "Foo.prototype.bar = function () {\n  return `a ${b} c\n  d`;\n};\n"},
  };
}

/// Damages a text as editing, merging and crashing do; it stays UTF-8 of the start bytes at most.
std::string damaged(std::string text, Random& random) {
  static constexpr std::array<std::string_view, 24> kInserts = {
      "{",  "}",    "(",  ")",      "[",       "]",      "\"",     "'",
      "`",  "/*",   "*/", "//",     "#",       "\"\"\"", "\n",     "\r\n",
      "\r", "\t\t", ";",  "class ", "def f(:", "=>",     "\u4e2d", "\U0001F600"};
  const auto place = [&] { return code_point_border(text, random() % (text.size() + 1)); };
  for (auto edits = 1 + random() % 6; edits > 0; --edits) {
    std::size_t from = place();
    std::size_t to = place();
    if (from > to) std::swap(from, to);
    to = code_point_border(text, std::min(to, from + random() % 400));
    switch (random() % 4) {
      case 0:
        text.erase(from, to - from);
        break;
      case 1:
        text.insert(from, kInserts[random() % kInserts.size()]);
        break;
      case 2:
        text.insert(place(), text.substr(from, to - from));
        break;
      default:
        if (random() % 8 == 0) text.resize(from);
        break;
    }
  }
  return text;
}

void check_all(const std::vector<Source>& sources, std::size_t max_tokens,
               const Chunker::TokenCount& count) {
  Chunker chunker(count, {max_tokens, kNoDeadline});
  for (const Source& source : sources) {
    INFO(source.path << ", at most " << max_tokens << " tokens");
    const auto file = chunker.chunk(source.path, source.bytes);
    REQUIRE(file.ok());
    REQUIRE(chunks_fault(*file, source.bytes, max_tokens, count) == "");
  }
}

std::string replaced(std::string_view text, char from, std::string_view to) {
  std::string result;
  for (const char c : text) {
    if (c == from) {
      result += to;
    } else {
      result += c;
    }
  }
  return result;
}

/// UTF-16LE with byte order mark. REQUIRES well-formed UTF-8.
std::string to_utf16(std::string_view text) {
  std::string bytes = "\xFF\xFE";
  const auto put = [&](unsigned unit) {
    bytes += static_cast<char>(unit & 0xFF);
    bytes += static_cast<char>(unit >> 8);
  };
  while (!text.empty()) {
    const std::size_t length = utf8_sequence(text);
    unsigned code_point = static_cast<unsigned char>(text[0]);
    if (length > 1) code_point &= 0xFFU >> (length + 1);
    for (std::size_t i = 1; i < length; ++i) {
      code_point = (code_point << 6) | (static_cast<unsigned char>(text[i]) & 0x3FU);
    }
    if (code_point < 0x10000) {
      put(code_point);
    } else {
      put(0xD800 + ((code_point - 0x10000) >> 10));
      put(0xDC00 + ((code_point - 0x10000) & 0x3FF));
    }
    text.remove_prefix(length);
  }
  return bytes;
}

}  // namespace

TEST_CASE("chunker: nothing of a real file is lost or stands in two chunks", "[parse]") {
  const unsigned seed = 20252;
  CAPTURE(seed);
  Random random(seed);
  std::vector<Source> sources = real_sources(250, random);
  REQUIRE(sources.size() > 150);
  for (Source& source : written_sources()) sources.push_back(std::move(source));
  check_all(sources, 256, count_tokens);
  sources.erase(sources.begin(), sources.end() - 80);
  check_all(sources, 40, count_tokens);
  check_all(sources, 100, count_bytes);
  check_all(sources, 7, count_bytes);
}

TEST_CASE("chunker: nothing of a damaged file is lost or stands in two chunks", "[parse]") {
  const unsigned seed = 20253;
  CAPTURE(seed);
  Random random(seed);
  std::vector<Source> sources = real_sources(60, random);
  std::erase_if(sources, [](const Source& source) { return source.bytes.size() > 20'000; });
  for (int i = 0; i < 20; ++i) {
    for (Source& source : written_sources()) sources.push_back(std::move(source));
  }
  Chunker words(count_tokens, {.max_tokens = 30});
  Chunker bytes(count_bytes, {.max_tokens = 60});
  for (const Source& source : sources) {
    for (int round = 0; round < 8; ++round) {
      const std::string text = damaged(source.bytes, random);
      INFO(source.path << ", round " << round << "\n" << text);
      const auto by_words = words.chunk(source.path, text);
      REQUIRE(by_words.ok());
      REQUIRE(chunks_fault(*by_words, text, 30, count_tokens) == "");
      const auto by_bytes = bytes.chunk(source.path, text);
      REQUIRE(by_bytes.ok());
      REQUIRE(chunks_fault(*by_bytes, text, 60, count_bytes) == "");
    }
  }
}

TEST_CASE("chunker: damage inside a scope on one line -> definitions stand in their chunks",
          "[parse]") {
  const std::string text =
      "var a = 1, b = function () { return <p>text &amp; more</p>; };\n"
      "module.exports = { render() {\n  return b();\n}, x:*/ 2 };\n"
      "Foo.prototype.bar = function () {\n  return `a ${b} c\n  d`;\n};\n";
  const auto chunks = Chunker(count_tokens, {.max_tokens = 30}).chunk("a.jsx", text);
  REQUIRE(chunks.ok());
  for (const Chunk& chunk : chunks->chunks)
    UNSCOPED_INFO(chunk.start_line << "-" << chunk.end_line << " defined on "
                                   << chunk.definition_line << " " << chunk.qualified_name << " "
                                   << chunk.metadata << "\n"
                                   << chunk.source);
  CHECK(chunks_fault(*chunks, text, 30, count_tokens) == "");
}

TEST_CASE("chunker: hostile texts end in chunks that cover them", "[parse]") {
  const auto many = [](std::string_view text, std::size_t times) {
    std::string result;
    for (std::size_t i = 0; i < times; ++i) result += text;
    return result;
  };
  // Broken into lines, or they would be refused as generated before anything else is tried.
  const auto lines_of = [&many](std::string_view text, std::size_t times) {
    const std::string line = many(text, 100) + '\n';
    return many(line, times / 100);
  };
  std::string stairs;
  for (std::size_t i = 0; i < 1500; ++i) stairs += std::string(i, ' ') + "class A:\n";
  const std::vector<Source> sources = {
      {"brackets.js", lines_of("[", 1'000'000)},
      {"closed.js", lines_of("[", 200'000) + lines_of("]", 200'000)},
      {"parentheses.py", "x = " + lines_of("(", 200'000) + lines_of(")", 200'000)},
      {"blocks.ts", lines_of("{", 200'000) + lines_of("}", 200'000)},
      {"functions.js", many("function a(){\n", 100'000) + lines_of("}", 100'000)},
      {"open.ts", many("function a(){\n", 50'000)},
      {"stairs.py", stairs},
      {"sum.py", "x = (" + lines_of("1+", 100'000) + "1)\n"},
      {"templates.ts", lines_of("`${", 100'000)},
      {"elements.tsx", lines_of("<a>", 100'000)},
      {"decorators.py", many("@a\n", 100'000) + "def f(): pass\n"},
      {"comments.ts", many("// a\n", 200'000) + "function f() {}\n"},
      {"hashes.py", many("# a\n", 500'000) + "def f(): pass\n"},
      {"cookies.py", many(" ", 500'000) + many("\n# coding: x", 100'000) + "\ndef f(): pass\n"},
      {"far_decorator.py", "@a\n" + many("\n", 500'000) + many("def f(): pass\n", 50'000)},
      {"far_comment.py", "# a\n" + many("\n", 500'000) + many("def f(): pass\n", 50'000)},
      {"literal.js", "x = \"" + many("abcdefghij", 300'000) + "\";\n" + many("f();\n", 4'000)},
      {"lines.js", many("!function(e){return e&&n(e)?e:[1,\"x\"].map(t=>({k:t}))}(a),\n", 10'000)},
      {"too_large.js", many("f(1, 'x');\n", 1'000'000)},
      {"words.txt", many("a b c ", 500'000) + many("\n", 4'000)},
      {"word.txt", many("abcdefgh", 1'000'000) + many("\n", 10'000)},
      {"blank.py", many(" ", 1'000'000) + many("\n", 2'000) + "x"},
  };
  check_all(sources, 256, count_tokens);
}

TEST_CASE("chunker: chunks are the same however often and after whatever", "[parse]") {
  Random random(20254);
  const std::vector<Source> sources = real_sources(40, random);
  Chunker warm(count_tokens, {.max_tokens = 60});
  const auto described = [](const ParsedFile& file) {
    std::string all;
    for (const Chunk& chunk : file.chunks) {
      all += chunk.qualified_name + '|' + chunk.parent + '|' + chunk.signature + '|' +
             chunk.docstring + '|' + chunk.metadata + '|' + std::to_string(chunk.start_byte) + '-' +
             std::to_string(chunk.end_byte) + '\n';
    }
    return all;
  };
  for (const Source& source : sources) {
    const auto first = warm.chunk(source.path, source.bytes);
    Chunker fresh(count_tokens, {.max_tokens = 60});
    const auto second = fresh.chunk(source.path, source.bytes);
    REQUIRE(first.ok());
    REQUIRE(second.ok());
    REQUIRE(described(*first) == described(*second));
  }
}

TEST_CASE("chunker: line ends, byte order mark and encoding change where, not what", "[parse]") {
  Random random(20255);
  std::vector<Source> sources = real_sources(80, random);
  for (Source& source : written_sources()) sources.push_back(std::move(source));
  std::erase_if(sources, [](const Source& source) {
    return source.bytes.find('\r') != std::string::npos || source.bytes.starts_with("\xEF");
  });
  REQUIRE(sources.size() > 60);
  Chunker chunker(count_tokens, {.max_tokens = 60});
  for (const Source& source : sources) {
    INFO(source.path);
    const auto plain = chunker.chunk(source.path, source.bytes);
    const auto marked = chunker.chunk(source.path, "\xEF\xBB\xBF" + source.bytes);
    const std::string wide_bytes = to_utf16(source.bytes);
    const auto wide = chunker.chunk(source.path, wide_bytes);
    const std::string returns = replaced(source.bytes, '\n', "\r\n");
    const auto returned = chunker.chunk(source.path, returns);
    REQUIRE((plain.ok() && marked.ok() && wide.ok() && returned.ok()));
    REQUIRE(chunks_fault(*returned, returns, 60, count_tokens) == "");
    REQUIRE(plain->chunks.size() == marked->chunks.size());
    REQUIRE(plain->chunks.size() == wide->chunks.size());
    for (std::size_t i = 0; i < plain->chunks.size(); ++i) {
      const Chunk& expected = plain->chunks[i];
      CHECK(marked->chunks[i].source == expected.source);
      CHECK(marked->chunks[i].start_byte == expected.start_byte + 3);
      CHECK(marked->chunks[i].start_line == expected.start_line);
      const Chunk& sixteen = wide->chunks[i];
      CHECK(sixteen.source == expected.source);
      CHECK(sixteen.start_line == expected.start_line);
      CHECK(sixteen.end_line == expected.end_line);
      const std::string stored =
          wide_bytes.substr(sixteen.start_byte, sixteen.end_byte - sixteen.start_byte);
      CHECK("\xFF\xFE" + stored == to_utf16(expected.source));
    }
  }
}
