#include "worker/parse/chunker.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "common/base/utf8.h"
#include "tests/unit/worker/parse/chunker_fixture.h"
#include "worker/parse/decode.h"
#include "worker/parse/documentation.h"
#include "worker/parse/language.h"
#include "worker/parse/syntax.h"

using namespace forkdex;
using namespace forkdex::test;

TEST_CASE("chunker: every language's query fits its grammar", "[parse]") {
  SyntaxParser parser;
  const Countdown countdown({});
  for (const Language& language : languages()) {
    INFO(language.id);
    const auto tree = parser.parse(language, "x", countdown);
    REQUIRE(tree.ok());
    CHECK(parser.match(language, *tree, countdown, [](auto) {}).ok());
  }
}

TEST_CASE("chunker: TypeScript's definitions", "[parse]") {
  CHECK(outline("a.ts", R"(import { a } from 'b';

export function add(a: string): string;
export async function add(a: any): Promise<any> { return a; }
function* generate() { yield 1; }
export const arrow = async <T,>(x: T) => x;
let bound = function () { return 2; }, other = (x: number) => x;
export interface Shape extends Base { area(): number; }
export type Id = string | number;
export const enum Color { Red, Green }
export default (x: number) => x;
)") == "module 1-1 @1\n"
       "function add 3-3 @3\n"
       "function add 4-4 @4\n"
       "function generate 5-5 @5\n"
       "function arrow 6-6 @6\n"
       "function bound 7-7 @7\n"
       "function other 7-7 @7\n"
       "interface Shape 8-8 @8\n"
       "type Id 9-9 @9\n"
       "enum Color 10-10 @10\n"
       "function default 11-11 @11\n");
}

TEST_CASE("chunker: a class is its header, its methods are chunks, nothing between is lost",
          "[parse]") {
  const std::string source = R"(/** A shape. */
@Component({
  selector: 'x',
})
export abstract class Shape<T> extends Base implements Drawable {
  static count = 1;

  /** Makes one. */
  constructor(@Inject() private x: number) { super(); }
  handler = (e: Event) => { return e; };

  limit = 3;
  @Input()
  get area(): number { return 1; }
  set area(v) {}
  abstract draw(): void;
  *[Symbol.iterator]() {}
  #secret() {}
}
)";
  CHECK(outline("a.ts", source) ==
        "class Shape 1-6 @2\n"
        "method Shape.constructor 8-9 @9\n"
        "method Shape.handler 10-10 @10\n"
        "class Shape 12-12 @2\n"
        "method Shape.area 13-14 @13\n"
        "method Shape.area 15-15 @15\n"
        "method Shape.draw 16-16 @16\n"
        "method Shape.[Symbol.iterator] 17-17 @17\n"
        "method Shape.#secret 18-19 @18\n");
  const ParsedFile file = parsed("a.ts", source);
  const Chunk& header = file.chunks[0];
  CHECK(header.signature == "export abstract class Shape<T> extends Base implements Drawable");
  CHECK(header.docstring == "A shape.");
  CHECK(header.metadata ==
        R"x({"decorators":["@Component({ selector: 'x', })"],"part":1,"parts":2})x");
  CHECK(file.chunks[1].docstring == "Makes one.");
  CHECK(file.chunks[1].signature == "constructor(@Inject() private x: number)");
  CHECK(file.chunks[1].parent == "Shape");
  CHECK(file.chunks[2].signature == "handler = (e: Event)");
  CHECK(file.chunks[2].source == "handler = (e: Event) => { return e; };");
  CHECK(file.chunks[3].source == "limit = 3;");
  CHECK(file.chunks[3].metadata == R"({"part":2,"parts":2})");
  CHECK(file.chunks[4].metadata == R"x({"decorators":["@Input()"]})x");
  CHECK(file.chunks[4].signature == "get area(): number");
}

TEST_CASE("chunker: JavaScript's classes, assignments and objects bound to a name", "[parse]") {
  CHECK(outline("a.js", R"(const A = class extends B {
  field = () => 1;
  static async run() {}
};
Foo.prototype.bar = function () { return 1; };
exports.baz = () => 2;
const api = {
  get: (x) => x,
  put() {
    return 2;
  },
  'del-x': function () {
    return 3;
  },
};
export default class { m() {} }
)") == "class A 1-1 @1\n"
       "method A.field 2-2 @2\n"
       "method A.run 3-4 @3\n"
       "function Foo.prototype.bar 5-5 @5\n"
       "function exports.baz 6-6 @6\n"
       "module 7-8 @7\n"
       "method api.put 9-11 @9\n"
       "function api.del-x 12-15 @12\n"
       "class default 16-16 @16\n"
       "method default.m 16-16 @16\n");
  CHECK(only("a.js", "Foo.prototype.bar = function () {};", "Foo.prototype.bar").name == "bar");
}

TEST_CASE("chunker: JSX and TSX are read by grammars that know them", "[parse]") {
  const std::string source =
      "export const View = ({ items }) => (\n  <ul>{items.map((i) => <li>{i}</li>)}</ul>\n);\n";
  for (const std::string path : {"a.jsx", "a.tsx", "a.js"}) {
    CHECK(outline(path, source) == "function View 1-3 @1\n");
  }
}

TEST_CASE("chunker: namespaces and ambient modules name what is in them", "[parse]") {
  const std::string source = R"(declare module 'events' {
  export function on(name: string): void;
}
export namespace Outer.Inner {
  const x = 1;
  const y = 2;
  export function deep() {}
  class C { m() {} }
}
)";
  CHECK(outline("a.d.ts", source) ==
        "function events.on 1-3 @2\n"
        "module 4-6 @4\n"
        "function Outer.Inner.deep 7-7 @7\n"
        "class Outer.Inner.C 8-8 @8\n"
        "method Outer.Inner.C.m 8-9 @8\n");
  CHECK(only("a.ts", source, "Outer.Inner.C.m").parent == "Outer.Inner.C");
}

TEST_CASE("chunker: Python's definitions", "[parse]") {
  const std::string source = R"(#!/usr/bin/env python3
"""What the module does."""
import os

LIMIT = 1


# Above f.
# Still above f.
@decorated
# between
@other(
    1,
)
async def f(a: int, *, b=2) -> int:  # trailing
    '''Does f.

        indented
    done
    '''
    def inner():
        return 1
    return inner()


class A(Base):
    """Class doc."""
    x = 1

    def m(self): return 1

    y = 2

    @property
    def p(self):
        "single"
        return 1

    class Inner:
        def deep(self):
            pass

    g = lambda self: 2


if True:
    def conditional():
        pass

type X = int
square = lambda x: x * x
)";
  CHECK(outline("a.py", source) ==
        "module 1-5 @1\n"
        "function f 8-23 @10\n"
        "class A 26-28 @26\n"
        "method A.m 30-30 @30\n"
        "class A 32-32 @26\n"
        "method A.p 34-37 @34\n"
        "class A.Inner 39-39 @39\n"
        "method A.Inner.deep 40-41 @40\n"
        "method A.g 43-43 @43\n"
        "module 46-46 @46\n"
        "function conditional 47-48 @47\n"
        "type X 50-50 @50\n"
        "function square 51-51 @51\n");
  const ParsedFile file = parsed("a.py", source);
  CHECK(file.chunks[0].docstring == "What the module does.");
  const Chunk f = only(file, "f");
  CHECK(f.signature == "async def f(a: int, *, b=2) -> int");
  CHECK(f.docstring == "Does f.\n\n    indented\ndone");
  CHECK(f.metadata == R"x({"decorators":["@decorated","@other( 1, )"]})x");
  CHECK(only(file, "A.p").docstring == "single");
  CHECK(only(file, "A.Inner.deep").parent == "A.Inner");
  CHECK(only(file, "square").signature == "square = lambda x");
}

TEST_CASE("chunker: a comment belongs to what it stands directly above", "[parse]") {
  CHECK(outline("a.js", "// license\n\n// about f\nfunction f() {}\n") ==
        "module 1-1 @1\nfunction f 3-4 @4\n");
  CHECK(outline("a.js", "x = 1; // about x\nfunction f() {}\n") ==
        "module 1-1 @1\nfunction f 2-2 @2\n");
  CHECK(outline("a.py", "def f():\n    pass\n# about g\ndef g():\n    pass\n") ==
        "function f 1-2 @1\nfunction g 3-5 @4\n");
  const Chunk doc =
      only("a.ts", "/**\n * Adds.\n *   more\n * @param x y\n */\nfunction f() {}", "f");
  CHECK(doc.docstring == "Adds.\n  more\n@param x y");
  CHECK(only("a.ts", "// one\n// two\nfunction f() {}", "f").docstring == "one\ntwo");
}

TEST_CASE("chunker: a signature is capped between code points", "[parse]") {
  std::string long_list;
  for (int i = 0; i < 400; ++i) long_list += "\u00e9" + std::to_string(i) + ", ";
  const Chunk chunk =
      only(parsed("a.js", "/** " + long_list + long_list + "*/\nfunction f(" + long_list + ") {}",
                  100'000),
           "f");
  CHECK(chunk.signature.size() <= kMaxSignatureBytes);
  CHECK(chunk.signature.size() > kMaxSignatureBytes - 4);
  CHECK(capped(chunk.signature, kMaxSignatureBytes) == chunk.signature);
}

TEST_CASE("chunker: nested functions stay in a function that fits", "[parse]") {
  const std::string source = R"(function outer() {
  function inner() {
    return 1;
  }
  return inner;
}
)";
  CHECK(outline("a.js", source) == "function outer 1-6 @1\n");
  CHECK(outline("a.js", source, 18) ==
        "function outer 1-1 @1\n"
        "function outer.inner 2-4 @2\n"
        "function outer 5-6 @1\n");
}

TEST_CASE("chunker: what is too large splits at statements, keeping its name", "[parse]") {
  const std::string source = R"(// Big.
export function big(a) {
  const first = 1;
  const second = 2;
  if (a) {
    call(first, second);
    for (const q of a) {
      log(q, q + 1, q + 2);
    }
  }
  return finish(first, second, a);
}
)";
  const ParsedFile file = parsed("a.js", source, 28);
  std::vector<std::string> first_lines;
  for (const Chunk& chunk : file.chunks) {
    CHECK(count_words(chunk.source) <= 28);
    CHECK(chunk.name == "big");
    CHECK(chunk.kind == ChunkKind::kFunction);
    CHECK(chunk.signature == "export function big(a)");
    first_lines.push_back(chunk.source.substr(0, chunk.source.find('\n')));
  }
  CHECK(first_lines == std::vector<std::string>{"// Big.", "if (a) {", "for (const q of a) {",
                                                "return finish(first, second, a);"});
  CHECK(file.chunks[0].docstring == "Big.");
  CHECK(file.chunks[0].definition_line == 2);
  CHECK(file.chunks[1].docstring.empty());
  const auto metadata = nlohmann::json::parse(file.chunks[2].metadata);
  CHECK(metadata == nlohmann::json({{"part", 3}, {"parts", 4}}));
}

TEST_CASE("chunker: a comment is not cut from the statement below it", "[parse]") {
  std::string source = "def f():\n";
  for (int i = 0; i < 40; ++i)
    source += "    # about the call\n    call(" + std::to_string(i) + ")\n";
  for (const Chunk& chunk : parsed("a.py", source, 40).chunks) {
    const std::string_view last =
        std::string_view(chunk.source).substr(chunk.source.rfind('\n') + 1);
    CHECK(last.find('#') == std::string_view::npos);
  }
}

TEST_CASE("chunker: a text without grammar is cut into windows of lines", "[parse]") {
  CHECK(parsed("README.md", "# Title\n\nWords.\n").language == "markdown");
  CHECK(outline("README.md", "\n# Title\n\nWords.\n") == "text 2-4 @2\n");
  std::string source;
  for (int i = 1; i <= 20; ++i) source += "one two three four\n";
  CHECK(outline("notes.txt", source, 22) ==
        "text 1-5 @1\ntext 6-10 @6\ntext 11-15 @11\ntext 16-20 @16\n");
}

TEST_CASE("chunker: a line too long is cut between characters, words kept where possible",
          "[parse]") {
  std::string words;
  for (int i = 0; i < 200; ++i) words += "word ";
  const ParsedFile by_words = parsed("a.txt", words, 20);
  CHECK(by_words.chunks.size() < 20);
  for (const Chunk& chunk : by_words.chunks) {
    CHECK(chunk.source.starts_with("word"));
    CHECK(chunk.source.ends_with("word"));
  }
  std::string wide;
  for (int i = 0; i < 5000; ++i) wide += "\U0001F600";
  std::string joined;
  for (const Chunk& chunk : parsed("a.txt", wide, 10).chunks) {
    CHECK(capped(chunk.source, chunk.source.size()) == chunk.source);
    joined += chunk.source;
  }
  CHECK(joined == wide);
}

TEST_CASE("chunker: an empty file has no chunk", "[parse]") {
  for (const std::string source : {"", " \t\r\n\n", "\xEF\xBB\xBF", "\xEF\xBB\xBF\n"}) {
    for (const std::string path : {"a.ts", "a.py", "a.txt"}) {
      CHECK(parsed(path, source).chunks.empty());
    }
  }
}

TEST_CASE("chunker: what the decoder refuses or changes is passed on", "[parse]") {
  Chunker chunker(count_words, {});
  const auto binary = chunker.chunk("a.ts", std::string_view("a\0b", 3));
  REQUIRE_FALSE(binary.ok());
  CHECK(binary.error().code == ErrorCode::kBinaryFile);
  const auto latin1 = chunker.chunk("a.py", "# caf\xE9\nx = 1\n");
  REQUIRE(latin1.ok());
  CHECK(latin1->detail == "decoded as Latin-1");
  CHECK(latin1->chunks.at(0).source == "# caf\u00e9\nx = 1");
  CHECK(latin1->chunks.at(0).end_byte == 12);
}

TEST_CASE("chunker: a passed deadline fails the file and not the next one", "[parse]") {
  const std::chrono::milliseconds none(0);
  const std::chrono::milliseconds plenty(60'000);
  const auto deadline = GENERATE_COPY(Deadline{none, plenty}, Deadline{plenty, none});
  Chunker chunker(count_words, {.parse_deadline = deadline});
  std::string source;
  for (int i = 0; i < 20'000; ++i) source += "f(" + std::to_string(i) + ");\n";
  const auto late = chunker.chunk("a.js", source);
  REQUIRE_FALSE(late.ok());
  CHECK(late.error().code == ErrorCode::kParseFailed);
  CHECK(late.error().sentence.find("deadline of 0 s") != std::string::npos);
  const auto unparsed = chunker.chunk("a.txt", source);
  CHECK(unparsed.ok());
}

TEST_CASE("chunker: a passed deadline leaves nothing behind in the parser", "[parse]") {
  SyntaxParser parser;
  const Language& language = *find_language("javascript");
  std::string source;
  for (int i = 0; i < 20'000; ++i) source += "f(" + std::to_string(i) + ");\n";
  const Countdown none({.processor = std::chrono::milliseconds(0)});
  REQUIRE_FALSE(parser.parse(language, source, none).ok());
  const auto next = parser.parse(*find_language("python"), "x = 1", Countdown({}));
  CHECK(next.ok());
}
