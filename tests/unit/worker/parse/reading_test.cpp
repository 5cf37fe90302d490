// What is found in texts that a grammar does not fit.

#include "worker/parse/reading.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "tests/unit/worker/parse/chunker_fixture.h"
#include "worker/parse/older_words.h"
#include "worker/parse/statement_lines.h"

using namespace forkdex;
using namespace forkdex::test;

namespace {

const std::string kBefore = "/** Stands before. */\nfunction before(x) {\n  return x;\n}\n\n";
const std::string kAfter = "\n/** Stands after. */\nexport function after(x) {\n  return x;\n}\n";

}  // namespace

TEST_CASE("reading: finds what stands around and in a statement that a grammar does not know",
          "[parse]") {
  for (const std::string statement :
       {"{ using a = f(), b = g(); }", "{ await using c = h(); }", "for (using d of e) {}",
        "for (await using d of e) { g(d); }", "async function inner() {\n  await using x = y();\n}",
        "class A {\n  m() {\n    for (using d of e) {\n      g(d);\n    }\n  }\n}",
        "function inner() {\n  for (using d of e) {\n    g(d);\n  }\n}",
        "interface Box<in out T, const U> {\n  get: () => T\n  <A>(a: A): Box<A>\n  [key: string]: "
        "T\n}",
        "export const f: {\n  (a: A): B<A>\n  <C>(a: C): B<C>\n} = dual(2, <C>(a: C): B<C> => {\n  "
        "return a\n})"}) {
    INFO(statement);
    const ParsedFile file = parsed("a.ts", kBefore + statement + "\n" + kAfter);
    CHECK(file.detail.empty());
    const Chunk before = only(file, "before");
    CHECK(before.docstring == "Stands before.");
    CHECK(before.start_line == 1);
    const Chunk after = only(file, "after");
    CHECK(after.docstring == "Stands after.");
    CHECK(after.signature == "export function after(x)");
    if (statement.find("inner") != std::string::npos) CHECK(only(file, "inner").start_line == 6);
    if (statement.find("class A") != std::string::npos) CHECK(only(file, "A.m").start_line == 7);
    if (statement.find("f: {") != std::string::npos) CHECK(only(file, "f").start_line == 6);
  }
}

TEST_CASE("reading: a statement that nothing reads costs itself alone", "[parse]") {
  for (const std::string path : {"a.ts", "a.tsx", "a.js", "a.jsx"}) {
    for (const std::string statement :
         {"const x = [1, 2;", "function broken( {", "if (a) }", "class B { m( { }",
          "%%% no code %%%", "<<<<<<< ours\nlet a = 1;\n=======\nlet a = 2;\n>>>>>>> theirs"}) {
      INFO(path << ": " << statement);
      const ParsedFile file = parsed(path, kBefore + statement + "\n" + kAfter);
      CHECK(only(file, "before").docstring == "Stands before.");
      CHECK(only(file, "after").docstring == "Stands after.");
    }
  }
  for (const std::string statement :
       {"def broken(:\n    pass", "x = [1, 2", "class :\n    pass", "print 'a' % (", "if x\n  y"}) {
    INFO(statement);
    const ParsedFile file =
        parsed("a.py", "def before(x):\n    return x\n\n" + statement +
                           "\n\n@cached\ndef after(x):\n    \"\"\"After.\"\"\"\n    return x\n");
    CHECK(only(file, "before").signature == "def before(x)");
    CHECK(only(file, "after").docstring == "After.");
  }
}

TEST_CASE("reading: what lacks its end does not hold what stands after it", "[parse]") {
  for (const std::string path : {"a.ts", "a.js"}) {
    for (const std::string statement :
         {"function a() {\n  if (x) {\n}", "function a() {\n  if (x) {\n    b();\n}", "const x = ;",
          "const o = {\n  a: 1,", "export default {\n  a,", "class B {", "let x = %%%;",
          "const q = () => {"}) {
      INFO(path << ": " << statement);
      const ParsedFile file = parsed(path, kBefore + statement + "\n" + kAfter);
      CHECK(only(file, "before").docstring == "Stands before.");
      CHECK(only(file, "after").docstring == "Stands after.");
    }
  }
}

TEST_CASE("reading: no statement begins in a token", "[parse]") {
  CHECK(outline("a.py", "def a():\n    return \"\"\"\nclass Fake:\n    pass\n\"\"\" % (x y)\n")
            .find("Fake") == std::string::npos);
}

TEST_CASE("reading: text of a string defines nothing, whatever is wrong with the code in it",
          "[parse]") {
  const std::string fake = "\nfunction fake() {\n  return 1;\n}\n";
  for (const std::string code :
       {"${ bad ( }", "${ a.map(\nx => { bad ( }\n) }", "${ a b c }", "${ a + }", "${ x ? `y` : }",
        "${ [1, }", "${ a }${ b c }", "${ x ? `z` }"}) {
    for (const std::string around :
         {"const t = @;", "f(@);", "class A {\n  m() {\n    return @;\n  }\n}",
          "export default css@;"}) {
      for (const std::string path : {"a.js", "a.ts", "a.tsx", "a.jsx"}) {
        std::string statement = around;
        statement.replace(statement.find('@'), 1,
                          "`" + fake + code + "\nclass Fake {\n}" + fake + "`");
        INFO(path << ": " << statement);
        const ParsedFile file = parsed(path, kBefore + statement + "\n" + kAfter);
        CHECK(only(file, "before").docstring == "Stands before.");
        CHECK(only(file, "after").docstring == "Stands after.");
        for (const Chunk& chunk : file.chunks) {
          CHECK(chunk.name != "fake");
          CHECK(chunk.name != "Fake");
          CHECK(chunk.name != "t");
        }
      }
    }
  }
  const ParsedFile python =
      parsed("a.py",
             "x = f\"\"\"\ndef fake():\n    pass\n{a b}\ndef fake():\n    pass\n\"\"\"\n\n"
             "def real():\n    pass\n");
  CHECK(std::ranges::count(python.chunks, "fake", &Chunk::name) == 0);
  CHECK(only(python, "real").kind == ChunkKind::kFunction);
}

TEST_CASE("reading: types in JavaScript are read as types", "[parse]") {
  const std::string source = R"(/* @flow */
import type { Lane } from './lane';

/** Starts. */
export function startNext(lane: Lane, name?: string): ?Job {
  return ((lane.queue.shift(): any): Job);
}

class Pool<T> extends Base<T> {
  size: number = 1;
  /** Grows. */
  grow(by: number): void { this.size += by; }
}
)";
  for (const std::string path : {"a.js", "a.jsx", "a.mjs", "a.cjs"}) {
    const ParsedFile file = parsed(path, source);
    CHECK(file.detail.empty());
    CHECK(only(file, "startNext").signature ==
          "export function startNext(lane: Lane, name?: string): ?Job");
    CHECK(only(file, "Pool.grow").signature == "grow(by: number): void");
  }
}

TEST_CASE("reading: Flow's own syntax is read as TypeScript's", "[parse]") {
  for (const auto& [statement, name, signature] :
       {std::tuple{"class C<+T, -U: V = W> extends B<T> {\n  +x: T;\n}", "C",
                   "class C<+T, -U: V = W> extends B<T>"},
        {"opaque type A = string;", "A", "opaque type A = string;"},
        {"export opaque type A<+T>: B = C<T>;", "A", "export opaque type A<+T>: B = C<T>;"},
        {"declare opaque type A: () => B;", "A", "declare opaque type A: () => B;"},
        {"component Name(a: string) {\n  return <a />;\n}", "Name", "component Name(a: string)"},
        {"export component Name(\n  'data-a' as a: T,\n  b as {c}: T,\n  ...rest: P\n) renders? D "
         "{\n  return <D />;\n}",
         "Name", "export component Name( 'data-a' as a: T, b as {c}: T, ...rest: P ) renders? D"},
        {"export default component Name() {\n}", "Name", "export default component Name()"},
        {"hook useX(a: T): R {\n  return a;\n}", "useX", "hook useX(a: T): R"},
        {"export hook useX<T>(a: T) {\n  return a;\n}", "useX", "export hook useX<T>(a: T)"},
        {"export default hook useLonger() {\n}", "useLonger", "export default hook useLonger()"},
        {"function g(): { a: string } {\n  return (h(): any);\n}", "g",
         "function g(): { a: string }"},
        {"function g(): { +a: string, ... }\n{\n  return 1;\n}", "g",
         "function g(): { +a: string, ... }"},
        {"function g(x: mixed): boolean %checks {\n  return !!x;\n}", "g",
         "function g(x: mixed): boolean %checks"},
        {"enum E of string {\n  A = 'a',\n}", "E", "enum E of string"},
        {"declare export function g(x: T): U;", "g", "declare export function g(x: T): U;"}}) {
    for (const std::string other :
         {"", "hook useOther(a) {\n  return a;\n}\n", "const q = [1;\n"}) {
      INFO(statement << '\n' << other);
      const std::string source = kBefore + other + "\n/** Doc. */\n" + statement + "\n" + kAfter;
      const ParsedFile file = parsed("a.js", source);
      if (!other.starts_with("const")) CHECK(file.detail.empty());
      CHECK(only(file, "before").docstring == "Stands before.");
      CHECK(only(file, "after").docstring == "Stands after.");
      CHECK(only(file, "after").signature == "export function after(x)");
      const Chunk chunk = only(file, name);
      CHECK(chunk.signature == signature);
      CHECK(chunk.docstring == "Doc.");
      CHECK(chunk.source == std::string("/** Doc. */\n") + statement);
      if (other.starts_with("hook")) CHECK(only(file, "useOther").source + "\n" == other);
    }
  }
}

TEST_CASE("reading: a body that stands below its head goes with it in broken text", "[parse]") {
  for (const std::string path : {"a.js", "a.ts"}) {
    const ParsedFile file =
        parsed(path, "const q = [1;\nfunction f(a)\n{\n  return a;\n}\nclass A\n{\n  m() {}\n}\n" +
                         kAfter);
    CHECK(only(file, "f").source == "function f(a)\n{\n  return a;\n}");
    CHECK(only(file, "A").source == "class A\n{");
    CHECK(only(file, "after").docstring == "Stands after.");
  }
}

TEST_CASE("reading: `using` can be a name", "[parse]") {
  for (const std::string statement :
       {"for (x of using) {\n  g(x);\n}", "for (const x of using) {}", "using(x);", "using = 3;",
        "for (using of xs) {}", "if (using) {}", "const using = f(using);"}) {
    for (const std::string path : {"a.js", "a.ts", "a.tsx"}) {
      INFO(path << ": " << statement);
      const ParsedFile file =
          parsed(path, "function f() {\n" + statement + "\n}\n" + kBefore + kAfter);
      CHECK(file.detail.empty());
      CHECK(only(file, "f").source == "function f() {\n" + statement + "\n}");
      CHECK(only(file, "before").docstring == "Stands before.");
    }
  }
}

TEST_CASE("reading: the detail says which lines were not parsed, if they are many", "[parse]") {
  std::string broken = "f();\n%%% no code %%%\n";
  CHECK(parsed("a.js", broken).detail == "not parsed: line 2");
  for (int i = 0; i < 100; ++i) broken += "f(" + std::to_string(i) + ");\n";
  CHECK(parsed("a.js", broken).detail.empty());
}

TEST_CASE("reading: costs no file its deadline, however many errors are in it", "[parse]") {
  for (const std::string line : {"%%% no code\nf();\n", "{\n", "# x (\n"}) {
    std::string source;
    while (source.size() < 60'000) source += line;
    for (const std::string path : {"a.ts", "a.js", "a.py"}) {
      INFO(path << ": " << line);
      Chunker chunker(count_words, {});
      CHECK(chunker.chunk(path, source).ok());
    }
  }
}

TEST_CASE("statement lines: where unindented words, braces and decorators begin", "[parse]") {
  CHECK(statement_lines("a\n  b\nc\n{\n}\n@d\n") == std::vector<std::size_t>{0, 6, 8, 12});
  CHECK(statement_lines("if x:\n  y\nelse:\n  z\n") == std::vector<std::size_t>{0});
  CHECK(statement_lines("a\n// b\n/* c\nd */\ne\n") == std::vector<std::size_t>{0, 2});
  CHECK(statement_lines("class A:\n  a\n# b\n  c\n") == std::vector<std::size_t>{0});
  CHECK(statement_lines("a\nexport\nfunction f\nasync\nb\n") == std::vector<std::size_t>{0, 2, 20});
  CHECK(statement_lines("a\n@b\n@c({\n  d\n})\nclass E\nf\n") ==
        std::vector<std::size_t>{0, 2, 25});
  CHECK(statement_lines("function f(): { a: b }\n{\n}\n{\n}\n") == std::vector<std::size_t>{0, 27});
  CHECK(statement_lines("export async function f(\n  a\n): b\n{\n}\nclass A\n{\n}\nf();\n{\n}\n") ==
        std::vector<std::size_t>{0, 38, 50, 55});
  CHECK(statement_lines("") == std::vector<std::size_t>{0});
}

TEST_CASE("older words: newer syntax becomes words of the same length", "[parse]") {
  for (const auto& [newer, older] :
       {std::pair{"using x = y", "const x = y"},
        {"await using x = y", "      const x = y"},
        {"for (using d of e)", "for (const d of e)"},
        {"using\fx = y", "const\fx = y"},
        {"type F<\v\fin T>", "type F<\v\f   T>"},
        {"type F<in out T, out U>", "type F<       T,     U>"},
        {"<const T>(x: T)", "<      T>(x: T)"},
        {"  a: B\n  <C>(c: C): D", "  a: B\n ;<C>(c: C): D"},
        {"  a: B<C>\n  [key: string]: D", "  a: B<C>\n ;[key: string]: D"}}) {
    CHECK(in_older_words("typescript", newer).value_or("nothing") == older);
    CHECK(in_older_words("tsx", newer).value_or("nothing") == older);
    CHECK_FALSE(in_older_words("javascript", newer));
  }
  for (const auto& [newer, older] : {std::pair{"using", "usin_"},
                                     {"using(x)", "usin_(x)"},
                                     {"for (x of using)", "for (x of usin_)"},
                                     {"for (using of xs)", "for (usin_ of xs)"},
                                     {"using instanceof X", "usin_ instanceof X"},
                                     {"using = 1", "usin_ = 1"}}) {
    for (const std::string language : {"typescript", "tsx", "javascript"})
      CHECK(in_older_words(language, newer).value_or("nothing") == older);
  }
  CHECK_FALSE(in_older_words("python", "using = 1"));
  std::string words = "type A<";
  for (int i = 0; i < 100'000; ++i) words += "in ";
  CHECK(in_older_words("typescript", words + "T>")->find("in") == std::string::npos);
  for (const std::string same :
       {"a.using b", "a.using", "a.using(x)", "x in y", "for (const k in o)", "f(a, in_b)",
        "const a = b,\n  <C>d", "a,\n  [b: c]", "out: 1"}) {
    INFO(same);
    CHECK_FALSE(in_older_words("typescript", same));
  }
}
