// What attributes say of conversion, by hand and against the git program.

#include "supervisor/repository/worktree/conversion_rules.h"

#include <catch2/catch.hpp>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "supervisor/repository/listing.h"
#include "tests/support/scratch_repository.h"

using forkdex::ConversionRules;
using forkdex::ListedFile;
using forkdex::test::ScratchFolder;

TEST_CASE("conversion rules: filters and encodings convert, line ends do not", "[conversion]") {
  ConversionRules rules(false);
  CHECK_FALSE(rules.may_convert("a.bin"));
  rules.push(0, "# *.py filter=x\n*.txt text eol=crlf\n*.c ident\n*.py -filter\n");
  CHECK_FALSE(rules.may_convert("a.txt"));
  CHECK_FALSE(rules.may_convert("a.c"));
  CHECK_FALSE(rules.may_convert("a.py"));
  rules.push(
      0, "*.psd filter=lfs diff=lfs merge=lfs -text\r\n/doc/*.txt working-tree-encoding=UTF-16\n");
  CHECK(rules.may_convert("deep/a.psd"));
  CHECK(rules.may_convert("doc/a.txt"));
  CHECK_FALSE(rules.may_convert("doc/deep/a.txt"));
  rules.pop();
  CHECK_FALSE(rules.may_convert("deep/a.psd"));
}

TEST_CASE("conversion rules: a folder's file speaks of what is below it", "[conversion]") {
  ConversionRules rules(false);
  rules.push(4, "/a.py filter=x\n");
  CHECK(rules.may_convert("sub/a.py"));
  CHECK_FALSE(rules.may_convert("sub/b/a.py"));
}

TEST_CASE("conversion rules: a macro counts wherever it stands", "[conversion]") {
  ConversionRules rules(false);
  rules.push(0, "*.py outer\n[attr]outer inner -text\n");
  CHECK_FALSE(rules.may_convert("a.py"));
  rules.push(0, "[attr]inner filter=x\n");
  CHECK(rules.may_convert("a.py"));
}

TEST_CASE("conversion rules: what is hard to read counts for every file", "[conversion]") {
  ConversionRules quoted(false);
  quoted.push(0, "\"a b.py\" filter=x\n");
  CHECK(quoted.may_convert("a b.py"));
  ConversionRules unknown(false);
  unknown.push_unknown();
  CHECK(unknown.may_convert("a.py"));
  unknown.pop();
  CHECK_FALSE(unknown.may_convert("a.py"));
  ConversionRules many(false);
  std::string macros;
  for (int i = 0; i < 200; ++i) macros += "[attr]m" + std::to_string(i) + " text\n";
  many.push(0, macros);
  CHECK(many.may_convert("a.py"));
}

namespace {

constexpr std::uint64_t kSeed = 0x636f6e76657274;  // "convert"

/// One random line of an attributes file; only the topmost may define macros.
std::string random_line(std::mt19937_64& engine, bool topmost) {
  static const std::vector<std::string> kPatterns = {
      "*",    "*.py", "a*", "/a.py", "d/*.py",  "**/b.py", "d/**",  "[ab].py",
      "A.PY", "d/e",  "e/", "\\*.c", "\"a.c\"", "d",       "*.[ch]"};
  static const std::vector<std::string> kAttributes = {
      "filter=x", "filter", "-filter", "!filter", "working-tree-encoding=UTF-16",
      "mac",      "-mac",   "twice",   "text",    "eol=crlf",
      "binary",   "ident"};
  const auto of = [&](const std::vector<std::string>& choices) {
    return choices[engine() % choices.size()];
  };
  const std::string end = engine() % 4 == 0 ? "\r\n" : "\n";
  if (topmost && engine() % 8 == 0) return "[attr]mac " + of(kAttributes) + end;
  if (topmost && engine() % 8 == 0) return "[attr]twice " + of(kAttributes) + end;
  const std::string gap = engine() % 2 == 0 ? " " : "\t ";
  return of(kPatterns) + gap + of(kAttributes) + (engine() % 2 == 0 ? " " + of(kAttributes) : "") +
         end;
}

}  // namespace

TEST_CASE("conversion rules: whatever git says is converted counts as such", "[conversion]") {
  std::mt19937_64 engine(kSeed);
  INFO("seed " << kSeed);
  const ScratchFolder folder;
  folder.git({"init", "-q", "-b", "main"});
  const std::vector<std::string> paths = {"a.py", "b.py", "a.c", "d/a.py", "d/e/b.py", "d/e/c.h"};
  std::string names;
  for (const std::string& path : paths) names += path + '\n';
  int converted = 0;
  int kept = 0;
  for (int round = 0; round < 120; ++round) {
    std::string top;
    std::string deep;
    for (std::size_t lines = engine() % 4; lines > 0; --lines) top += random_line(engine, true);
    for (std::size_t lines = engine() % 3; lines > 0; --lines) deep += random_line(engine, false);
    folder.write(".gitattributes", top);
    folder.write("d/.gitattributes", deep);
    INFO("round " << round << "\n.gitattributes:\n" << top << "d/.gitattributes:\n" << deep);
    ConversionRules outer(false);
    outer.push(0, top);
    ConversionRules inner = outer;
    inner.push(2, deep);
    std::istringstream said(
        folder.git({"check-attr", "--stdin", "filter", "working-tree-encoding"}, names));
    for (std::string line; std::getline(said, line);) {
      const std::string path = line.substr(0, line.find(": "));
      const std::string value = line.substr(line.rfind(": ") + 2);
      const bool ours = (path.starts_with("d/") ? inner : outer).may_convert(path);
      if (value == "unspecified" || value == "unset") {
        kept += ours ? 0 : 1;
        continue;
      }
      ++converted;
      INFO(line);
      CHECK(ours);
    }
  }
  CHECK(converted > 50);
  CHECK(kept > 50);
}

TEST_CASE("listing: a blob that is filtered on its way to the work tree is not what is on disk",
          "[listing]") {
  const ScratchFolder folder;
  folder.git({"init", "-q", "-b", "main"});
  for (const char* name : {"a.py", "a.bin", "d/a.py", "d/b.py", "e/a.py", "e/b.py"})
    folder.write(name);
  folder.write(".gitattributes", "*.bin filter=lfs\n");
  folder.write("d/.gitattributes", "b.py filter=x\n");
  folder.git({"add", "."});
  std::filesystem::last_write_time(
      folder / ".git/index", std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
  const auto current = [&](const std::filesystem::path& root) {
    std::string paths;
    const auto info = forkdex::inspect_repository(root);
    REQUIRE(info.ok());
    const auto listed = forkdex::list_files(*info, [&](ListedFile&& file) {
      if (file.blob_is_current && file.path.find(".git") == std::string::npos)
        paths += file.path + ' ';
    });
    REQUIRE(listed.ok());
    return paths;
  };
  CHECK(current(folder.path()) == "a.py d/a.py e/a.py e/b.py ");
  CHECK(current(folder / "d") == "a.py ");
  folder.write(".git/info/attributes", "e/b.py working-tree-encoding=UTF-16\n");
  CHECK(current(folder.path()) == "a.py d/a.py e/a.py ");
  std::filesystem::create_symlink("/etc/passwd", folder / "e/.gitattributes");
  CHECK(current(folder.path()) == "a.py d/a.py ");
}
