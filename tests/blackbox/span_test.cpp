// A chunk's bytes and lines, applied to the file on disk, give the chunk's source again.

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/index_run.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace {

enum class Encoding { kUtf8, kLatin1, kUtf16Le, kUtf16Be };

struct SourceFile {
  std::string bytes;
  Encoding encoding = Encoding::kUtf8;
};

void append_utf8(std::string& text, char32_t c) {
  if (c < 0x80) {
    text += static_cast<char>(c);
  } else if (c < 0x800) {
    text += static_cast<char>(0xC0 | (c >> 6));
    text += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    text += static_cast<char>(0xE0 | (c >> 12));
    text += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    text += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    text += static_cast<char>(0xF0 | (c >> 18));
    text += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    text += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    text += static_cast<char>(0x80 | (c & 0x3F));
  }
}

std::string utf16(const std::u16string& text, Encoding encoding) {
  std::string bytes;
  for (const char16_t unit : u"\uFEFF" + text) {
    const char high = static_cast<char>(unit >> 8);
    const char low = static_cast<char>(unit & 0xFF);
    bytes += encoding == Encoding::kUtf16Be ? std::string{high, low} : std::string{low, high};
  }
  return bytes;
}

std::string decoded(const std::string& bytes, Encoding encoding) {
  if (encoding == Encoding::kUtf8) return bytes;
  std::string text;
  if (encoding == Encoding::kLatin1) {
    for (const char c : bytes) append_utf8(text, static_cast<unsigned char>(c));
    return text;
  }
  char32_t high_surrogate = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    const auto first = static_cast<unsigned char>(bytes[i]);
    const auto second = static_cast<unsigned char>(bytes[i + 1]);
    const auto unit = static_cast<char32_t>(encoding == Encoding::kUtf16Be ? first << 8 | second
                                                                           : second << 8 | first);
    if (unit >= 0xD800 && unit < 0xDC00) {
      high_surrogate = unit;
    } else if (unit >= 0xDC00 && unit < 0xE000) {
      append_utf8(text, 0x10000 + ((high_surrogate - 0xD800) << 10) + (unit - 0xDC00));
    } else {
      append_utf8(text, unit);
    }
  }
  return text;
}

long line_breaks(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

std::string with_crlf(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? std::string("\r\n") : std::string(1, c);
  return out;
}

const std::string kTypeScript =
    "// emoji 👩‍👩‍👧‍👦 and 漢字 come first\n"
    "import { a } from './a';\n"
    "\n"
    "/** Says 你好. */\n"
    "export function greet(name: string): string {\n"
    "\treturn `🎉 ${name} — ok`;\n"
    "}\n"
    "\n"
    "export class Größe {\n"
    "  // 寸法\n"
    "  private werte = new Map<string, number>();\n"
    "\n"
    "  /** The 大きさ of one. */\n"
    "  get(key: string): number {\n"
    "    return this.werte.get(key) ?? 0;\n"
    "  }\n"
    "}\n"
    "\n"
    "console.log(greet('x'));\n";

const std::string kPython =
    "# -*- 注释 🐍 -*-\n"
    "import os\n"
    "\n"
    "\n"
    "@decorated('é')\n"
    "def parse(text):\n"
    "\t\"\"\"Parses «text».\"\"\"\n"
    "\treturn text.split('☃')\n"
    "\n"
    "\n"
    "class 表(Base):\n"
    "    '''A table.'''\n"
    "    size = 3\n"
    "\n"
    "    def rows(self):\n"
    "        return [r for r in self.data]\n"
    "\n"
    "print(parse('a'))";  // no line break at the end

std::map<std::string, SourceFile> tree() {
  const std::string bom = "\xEF\xBB\xBF";
  const std::u16string wide =
      u"// 漢字 and 🎉\r\nexport function wide(x: number) {\r\n  return x + 1; // 🎉\r\n}\r\n";
  std::map<std::string, SourceFile> files;
  files["plain.ts"] = {kTypeScript};
  files["crlf.ts"] = {with_crlf(kTypeScript)};
  files["bom.ts"] = {bom + kTypeScript};
  files["bom_crlf.tsx"] = {bom + with_crlf(kTypeScript)};
  files["plain.py"] = {kPython};
  files["crlf.py"] = {with_crlf(kPython)};
  files["bom.py"] = {bom + kPython};
  files["plain.js"] = {"export const twice = (n) => n * 2;\n\n\n\n// 终\n"};
  files["notes.txt"] = {"first — line\n\n\tsecond 🎉 line\r\nthird\n"};
  files["latin1.py"] = {"# caf\xE9\ndef na\xEFve(x):\n    return '\xFC' + x\n", Encoding::kLatin1};
  files["latin1.ts"] = {"// \xA9 caf\xE9\nexport function f() {\n  return '\xFC';\n}\n",
                        Encoding::kLatin1};
  files["little.ts"] = {utf16(wide, Encoding::kUtf16Le), Encoding::kUtf16Le};
  files["big.ts"] = {utf16(wide, Encoding::kUtf16Be), Encoding::kUtf16Be};
  return files;
}

/// Which of a file's bytes stand in a chunk.
using Coverage = std::map<std::string, std::vector<bool>>;

void check_chunk(const Row& row, const SourceFile& file, std::vector<bool>& covered) {
  const long start_line = std::stol(row[1]);
  const long end_line = std::stol(row[2]);
  const long definition_line = std::stol(row[3]);
  const auto start = static_cast<std::size_t>(std::stoul(row[4]));
  const auto end = static_cast<std::size_t>(std::stoul(row[5]));
  INFO(row[0] << ": bytes " << start << " to " << end << ", lines " << start_line << " to "
              << end_line << "\n"
              << row[6]);
  REQUIRE(start < end);
  REQUIRE(end <= file.bytes.size());
  const std::string before = decoded(file.bytes.substr(0, start), file.encoding);
  const std::string source = decoded(file.bytes.substr(start, end - start), file.encoding);
  CHECK(source == row[6]);
  CHECK(start_line == 1 + line_breaks(before));
  // A line break that ends the chunk belongs to its last line.
  CHECK(end_line == start_line + line_breaks(source.substr(0, source.size() - 1)));
  CHECK(definition_line >= start_line);
  CHECK(definition_line <= end_line);
  std::fill(covered.begin() + static_cast<long>(start), covered.begin() + static_cast<long>(end),
            true);
}

TEST_CASE("spans: bytes and lines of every chunk give its source from the file on disk") {
  const std::map<std::string, SourceFile> files = tree();
  const TemporaryFolder root;
  for (const auto& [name, file] : files) root.write(name, file.bytes);
  const Database database;
  const IndexRun run = index(root.path(), database, {"--repository", "spans"});
  INFO(run.ended.text());
  REQUIRE(run.ended.status == 0);
  CHECK(files_in(run.report, "indexed") == static_cast<int>(files.size()));

  Coverage covered;
  for (const auto& [name, file] : files) covered[name].resize(file.bytes.size());
  for (const Row& row : database.rows("SELECT path, start_line, end_line, definition_line, "
                                      "start_byte, end_byte, source FROM forkdex.chunks")) {
    check_chunk(row, files.at(row[0]), covered.at(row[0]));
  }
  for (const auto& [name, bytes] : covered) {
    const std::string& text = files.at(name).bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      const bool blank = byte <= ' ' || (i < 3 && (byte == 0xEF || byte == 0xBB || byte == 0xBF)) ||
                         (i < 2 && byte >= 0xFE);
      if (!bytes[i] && !blank) FAIL_CHECK(name << ": byte " << i << " stands in no chunk");
    }
  }
}

TEST_CASE("spans: functions and methods are chunks of their own, by name and line") {
  const TemporaryFolder root;
  root.write("plain.ts", kTypeScript);
  root.write("plain.py", kPython);
  const Database database;
  REQUIRE(index(root.path(), database, {"--repository", "names"}).ended.status == 0);
  const auto line_of = [&](const std::string& path, const std::string& name) {
    return database.rows("SELECT start_line, definition_line FROM forkdex.chunks WHERE path = '" +
                         path + "' AND name = '" + name + "'");
  };
  CHECK(line_of("plain.ts", "greet") == std::vector<Row>{{"4", "5"}});
  CHECK(line_of("plain.ts", "Größe") == std::vector<Row>{{"9", "9"}});
  CHECK(line_of("plain.ts", "get") == std::vector<Row>{{"13", "14"}});
  CHECK(line_of("plain.py", "parse") == std::vector<Row>{{"5", "5"}});
  CHECK(line_of("plain.py", "rows") == std::vector<Row>{{"15", "15"}});
  CHECK(database.value("SELECT docstring FROM forkdex.chunks WHERE name = 'greet'")
            .find("Says 你好.") != std::string::npos);
}

TEST_CASE("spans: files that are no text end in the state that says so") {
  const TemporaryFolder root;
  root.write("ok.py", "def f():\n    return 1\n");
  root.write("binary.dat", std::string("a\0b\0\0\0c", 7));
  root.write("odd.ts", std::string("\xFF\xFE"
                                   "a\0b",
                                   5));  // UTF-16 with half a unit
  root.write("blank.py", "\n\n");
  root.write("none.py", "");
  root.write("latin1.txt", "caf\xE9\n");
  const Database database;
  const IndexRun run = index(root.path(), database, {"--repository", "states"});
  INFO(run.ended.text());
  CHECK(run.ended.status == 1);
  const auto state_of = [&](const std::string& path) {
    return database.rows("SELECT state, coalesce(reason, '') FROM forkdex.files WHERE path = '" +
                         path + "'");
  };
  CHECK(state_of("ok.py") == std::vector<Row>{{"indexed", ""}});
  CHECK(state_of("binary.dat") == std::vector<Row>{{"skipped", "binary"}});
  CHECK(state_of("odd.ts") == std::vector<Row>{{"failed", "encoding"}});
  CHECK(state_of("blank.py") == std::vector<Row>{{"empty", ""}});
  CHECK(state_of("none.py") == std::vector<Row>{{"empty", ""}});
  CHECK(state_of("latin1.txt").at(0).at(0) == "indexed");
  CHECK(database.value("SELECT detail FROM forkdex.files WHERE path = 'latin1.txt'") != "∅");
  CHECK(contradictions(run.report, database).empty());
  REQUIRE(run.report.at("problems").size() == 1);
  CHECK(run.report["problems"][0]["path"] == "odd.ts");
  CHECK(run.report["problems"][0]["reason"] == "encoding");
}

}  // namespace
}  // namespace forkdex::test
