// Where a definition begins and what belongs to it: its line in every part, its decorators, its
// name, and which comments above it are its own.

#include <catch2/catch.hpp>

#include <string>

#include <nlohmann/json.hpp>

#include "tests/unit/worker/parse/chunker_fixture.h"

using namespace forkdex;
using namespace forkdex::test;

TEST_CASE("chunker: every part of a definition says the line of the definition", "[parse]") {
  std::string source = "/**\n";
  for (int i = 0; i < 20; ++i) source += " * What it is good for, at length.\n";
  source += " */\n@decorated()\nexport class K {\n  a = 1;\n  m() {\n";
  for (int i = 0; i < 20; ++i) source += "    call(" + std::to_string(i) + ", this.a);\n";
  source += "  }\n  b = 2;\n}\n";
  const ParsedFile file = parsed("a.ts", source, 60);
  std::size_t class_parts = 0;
  std::size_t method_parts = 0;
  for (const Chunk& chunk : file.chunks) {
    INFO(chunk.source);
    const bool is_method = chunk.qualified_name == "K.m";
    ++(is_method ? method_parts : class_parts);
    CHECK(chunk.definition_line == (is_method ? 26 : 23));
    CHECK_FALSE(nlohmann::json::parse(chunk.metadata).contains("definition_line"));
  }
  CHECK(file.chunks[0].end_line < 23);  // a part that is comment alone
  CHECK(class_parts > 3);
  CHECK(method_parts > 2);
}

TEST_CASE("chunker: a comment between decorators and their member does not part them", "[parse]") {
  const std::string source = R"(class K {
  @Input()
  /** The value. */
  set val(v) { this.v = v; }

  @HostListener('x') @Another()
  /** On x. */

  // now
  async method() {}
}
)";
  CHECK(outline("a.ts", source) ==
        "class K 1-1 @1\nmethod K.val 2-4 @2\nmethod K.method 6-11 @6\n");
  const ParsedFile file = parsed("a.ts", source);
  const Chunk value = only(file, "K.val");
  CHECK(value.metadata == R"x({"decorators":["@Input()"]})x");
  CHECK(value.signature == "set val(v)");
  CHECK(value.docstring == "The value.");
  const Chunk method = only(file, "K.method");
  CHECK(method.metadata == R"x({"decorators":["@HostListener('x')","@Another()"]})x");
  CHECK(method.signature == "async method()");
  CHECK(method.docstring == "On x.");
}

TEST_CASE("chunker: a Python type alias has its name without type parameters", "[parse]") {
  CHECK(outline("a.py", "type Alias[T] = list[T]\ntype Plain = int\n") ==
        "type Alias 1-1 @1\ntype Plain 2-2 @2\n");
}
