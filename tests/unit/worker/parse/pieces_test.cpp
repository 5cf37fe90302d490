// Where text between definitions goes.

#include "worker/parse/pieces.h"

#include <catch2/catch.hpp>

#include <string>
#include <tuple>

#include "tests/unit/worker/parse/chunker_fixture.h"

using namespace forkdex;
using namespace forkdex::test;

TEST_CASE("pieces: what only opens or closes a construct goes with the definition in it",
          "[parse]") {
  const std::string f = "function f() {\n  return 1;\n}";
  const std::string named = "function onX() {\n  return 1;\n}";
  const std::string member = "m() {\n  return 1;\n}";
  const std::string assigned = "x.f = function () {\n  return 1;\n};";
  for (const auto& [opener, definition, closer] :
       {std::tuple{"if (y) {\n", f, "\n}"},
        {"if (y) // why\n", assigned, ""},
        {"// why\nif (y && z(1)) {\n", f, "\n}"},
        {"for (const a of b) {\n", f, "\n}"},
        {"for (const [k, v] of Object.entries(b))\n", assigned, ""},
        {"for (", "const f = function () {\n};", " ;) {}"},
        {"while (y) {\n", f, "\n}"},
        {"do {\n", f, "\n} while (x);"},
        {"try {\n", f, "\n} catch {}"},
        {"switch (x) { case 1:\n", f, "\n}"},
        {"label: {\n", f, "\n}"},
        {"{\n", f, "\n}"},
        {"(function () {\n", f, "\n})();"},
        {"(() => {\n", f, "\n})(window, document);"},
        {";(async () => {\n", f, "\n})().catch(console.error)"},
        {"!function () {\n", f, "\n}();"},
        {"define(['a'], function (a) {\n", f, "\n});"},
        {"Object.assign(x, {\n", member, "\n});"},
        {"Object.assign(x, {\n", member, ",\n}, y, 100);"},
        {"app.use({\n", member, "\n}).b();"},
        {"app.use({\n", member, "\n})\n  .then(b)\n  .catch(c);"},
        {"const { a } = wrap({\n", member, "\n}).b;"},
        {"x[y] =\n", named, ".bind(this);"},
        {"emitter.on('x', ", named, ", 100);"},
        {"emitter.on('x', ", named, " as Handler);"},
        {"return ", named, ";"},
        {"x ?\n", named, " : y;"},
        {"void ", named, "();"},
        {"await run(", named, ");  // at last"},
        {"foo(1, ", named, "\n);"},
        {"if (y) {\n", f, "\n} /* a */ // b"},
        {"export default {\n", member, "\n} as const satisfies T;"},
        {"const r = {\n", member, ",\n} as const satisfies T;"},
        {"const r = <const>{\n", member, ",\n}!;"},
        {"declare global {\n", "interface Window {\n  a: string;\n}", "\n}"}}) {
    INFO(opener << definition << closer);
    const std::string before = "function before() {}\n\n";
    const std::string after = "\n\nlast();\n";
    const std::string whole = opener + definition + closer;
    const auto chunks = parsed("a.ts", before + whole + after).chunks;
    REQUIRE(chunks.size() == 3);
    CHECK(chunks[0].source == "function before() {}");
    CHECK(chunks[1].source == whole);
    CHECK_FALSE(chunks[1].name.empty());
    CHECK(chunks[2].source == "last();");
  }
}

TEST_CASE("pieces: what opens or closes between two definitions is divided between them",
          "[parse]") {
  CHECK(outline("a.js", "if (y) {\n  function f() {\n  }\n} else {\n  function g() {\n  }\n}\n") ==
        "function f 1-4 @2\nfunction g 4-7 @5\n");
  CHECK(outline("a.js", "use({\n  a() {\n  },\n}, {\n  b() {\n  },\n});\n") ==
        "method a 1-4 @2\nmethod b 4-7 @5\n");
  CHECK(outline("a.js", "const X = c ? class {\n  a() {}\n} : class {\n  b() {}\n};\n") ==
        "class X 1-1 @1\nmethod X.a 2-3 @2\nclass class@3 3-3 @3\nmethod class@3.b 4-5 @4\n");
  CHECK(outline("a.js",
                "class A {\n  a() {}\n  static {\n    this.b = function () {\n    };\n  }\n}") ==
        "class A 1-1 @1\nmethod A.a 2-2 @2\nmethod A.b 3-7 @4\n");
}

TEST_CASE("pieces: what says something by itself does not go with a definition", "[parse]") {
  for (const std::string text :
       {"import a from 'a';", "import 'a'", "const a = 1;", "a++", "a!", "if (a) b();", "f(a)",
        "let a: string", "const a = [\n  1,\n  2,", "/* About. */\n\n(1);", "a.return"}) {
    INFO(text);
    const auto chunks = parsed("a.ts", text + "\nfunction f() {\n}\n").chunks;
    REQUIRE(chunks.size() >= 2);
    CHECK(chunks[1].source == "function f() {\n}");
  }
  for (const std::string text :
       {"(a || b)();", "[1].map(f);", "x = 1;", "while (x) {\n  f();\n}"}) {
    INFO(text);
    const auto chunks = parsed("a.js", "const f = function () {\n};\n" + text + "\n").chunks;
    REQUIRE(chunks.size() == 2);
    CHECK(chunks[1].source == text);
  }
  CHECK(parsed("a.js", "use({\n  a() {\n  },\n}).then(() => {\n  f();\n});\n").chunks.size() == 2);
  // The head of a definition is its own.
  CHECK(outline("a.ts", "@C({\n  a() {\n  },\n})\nclass A {\n  m() {}\n}\n") ==
        "class A 1-1 @1\nmethod A.a 2-4 @2\nclass A 5-5 @1\nmethod A.m 6-7 @6\n");
}
