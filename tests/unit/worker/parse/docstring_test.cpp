// What a definition says of itself, as Python and JSDoc read it. tests/oracle/docstring_oracle.py
// compares far more of it with Python's own ast.

#include <catch2/catch.hpp>

#include <optional>
#include <string>
#include <string_view>

#include "tests/unit/worker/parse/chunker_fixture.h"
#include "worker/parse/documentation.h"
#include "worker/parse/python_docstring.h"

using namespace forkdex;
using namespace std::string_literals;
using test::only;
using test::parsed;

namespace {

std::string doc_of(std::string_view path, std::string_view source, std::string_view name = "f") {
  return only(path, source, name).docstring;
}

}  // namespace

TEST_CASE("docstring: Python's strings are one docstring, whatever their form", "[parse]") {
  CHECK(python_docstring("'a'") == "a");
  CHECK(python_docstring("'''a'''") == "a");
  CHECK(python_docstring("\"first, \" \"second\"") == "first, second");
  CHECK(python_docstring("'a' \\\n  'b'") == "ab");
  CHECK(python_docstring("(\n  'a'  # (one)\n  'b'\n)") == "ab");
  CHECK(python_docstring("(('a'))") == "a");
  CHECK(python_docstring("u'a' R'\\d' 'b'") == "a\\db");
  CHECK(python_docstring("'''says \"hi\" to 'all'.'''") == "says \"hi\" to 'all'.");
  CHECK(python_docstring("''") == "");
}

TEST_CASE("docstring: a Python statement that is no plain string is none", "[parse]") {
  for (const char* statement :
       {"f'a'",     "b'a'",       "rb'a'",       "'a' f'b'",      "f'a' 'b'", "'a'.strip()",
        "'a', 'b'", "'a',",       "('a',)",      "'a' % 1",       "'a'[0]",   "'a' if x else 'b'",
        "x",        "print('a')", "'a' + 'b'",   "('a'",          "'a",       "'a\nb'",
        "()",       "",           "'a' and 'b'", "('a').strip()", "not 'a'",  "t'a'",
        "rx('a')"}) {
    INFO(statement);
    CHECK_FALSE(python_docstring(statement));
  }
}

TEST_CASE("docstring: escape sequences in a Python docstring are what they stand for", "[parse]") {
  CHECK(python_docstring(R"("tab\tquote\" caf\u00e9 \x41\101 \U0001F600\N{BULLET}")") ==
        "tab     quote\" caf\u00e9 AA \U0001F600\u2022");
  CHECK(python_docstring("'''one \\\ntwo'''") == "one two");
  CHECK(python_docstring(R"(r"\n \N{BULLET} \"")") == R"(\n \N{BULLET} \")");
  CHECK(python_docstring(R"("\d \8 \xZ \u12 \U00110000 \N{?} \N")") ==
        R"(\d \8 \xZ \u12 \U00110000 \N{?} \N)");
  CHECK(python_docstring(R"("a\nb\r\n c\r")") == "a\nb\r\n c\r");
  CHECK(
      python_docstring(
          R"("\N{latin small letter e with acute}\N{LINE FEED}\N{CJK UNIFIED IDEOGRAPH-4E2D}")") ==
      "\u00e9\n\u4e2d");
  // What neither UTF-8 nor the database can hold.
  CHECK(python_docstring(R"("a\0b\ud83d\ude00\N{NULL}")") == "a\uFFFDb\uFFFD\uFFFD\uFFFD");
}

TEST_CASE("docstring: a Python docstring loses the indentation of its source alone", "[parse]") {
  CHECK(python_docstring("'''  First.\n\n        Indented.\n    Last.\n    '''") ==
        "First.\n\n    Indented.\nLast.");
  CHECK(python_docstring("'''First.\n    '''") == "First.\n    ");  // inspect.cleandoc's way
  CHECK(python_docstring("'''\n\n    A.  \n    B.\n\n    '''") == "A.  \nB.");
  CHECK(python_docstring("'''A\n\tB\n            C'''") == "A\nB\n    C");
  CHECK(python_docstring("'''A\r\n    B\r    C\r\n'''") == "A\nB\nC");
  CHECK(python_docstring("'''A\n\u3000\u3000B\n\u3000C'''") == "A\n\u3000B\nC");
  CHECK(python_docstring("'''\u00a0A'''") == "A");
}

TEST_CASE("docstring: Python's stands first in a body, whatever is around it", "[parse]") {
  CHECK(doc_of("a.py", "def f(): 'doc'") == "doc");
  CHECK(doc_of("a.py", "def f(): 'doc'; return 1\n") == "doc");
  CHECK(doc_of("a.py", "async def f():\n    # why\n\n    'doc'\n") == "doc");
  CHECK(doc_of("a.py", "@x\n@y(1)\ndef f(a,\n      b=')'):  # c\n    'doc'\n") == "doc");
  CHECK(doc_of("a.py", "class f: 'doc'") == "doc");
  CHECK(doc_of("a.py", "def f():\n\f    'doc'\n") == "doc");
  CHECK(doc_of("a.py", "def f():\r\n    '''doc\r\n    more'''\r\n") == "doc\nmore");
  CHECK(doc_of("a.py", "def f():\n    pass\n    'not'\n") == "");
  CHECK(doc_of("a.py", "def f():\n    if x:\n        'not'\n") == "");
  CHECK(doc_of("a.py", "# not a docstring\ndef f():\n    pass\n") == "");
  CHECK(parsed("a.py", "# comment\n\n'first, ' 'second'\nimport os\n").chunks[0].docstring ==
        "first, second");
  CHECK(parsed("a.py", "import os\n'not'\n").chunks[0].docstring == "");
  CHECK(parsed("a.py", "f'not'\n").chunks[0].docstring == "");
}

TEST_CASE("docstring: JSDoc reads the last comment of its own before a definition", "[parse]") {
  CHECK(doc_of("a.js", "/** doc */\nfunction f() {}") == "doc");
  CHECK(doc_of("a.js", "/** old */\n/** doc */\nfunction f() {}") == "doc");
  CHECK(doc_of("a.js", "/** doc */\n// eslint-disable-next-line\nfunction f() {}") == "doc");
  CHECK(doc_of("a.ts", "/** doc */\n@x\nexport class f {}") == "doc");
  CHECK(doc_of("a.ts", "/** doc */\nexport default async function f() {}") == "doc");
  CHECK(doc_of("a.ts", "/** doc */\nexport const f = () => {\n};") == "doc");
  CHECK(doc_of("a.js", "/** doc **/\nfunction f() {}") == "doc");
  CHECK(doc_of("a.js", "/**\n *\tdoc\n *\n * * item\n **/\nfunction f() {}") == "doc\n\n* item");
  CHECK(doc_of("a.js", "/**\n   doc\n     more\n */\nfunction f() {}") == "doc\n  more");
  CHECK(doc_of("a.js", "/* not */\nfunction f() {}") == "");
  CHECK(doc_of("a.js", "/*** not ***/\nfunction f() {}") == "");
  CHECK(doc_of("a.js", "/**/\nfunction f() {}") == "");
  CHECK(doc_of("a.js", "/** doc */\n/*** ---- ***/\nfunction f() {}") == "doc");
  CHECK(doc_of("a.js", "// one\n/* not */\n// two\nfunction f() {}") == "one\ntwo");
}

TEST_CASE("docstring: what a comment says to a tool is no docstring", "[parse]") {
  for (const std::string pragma : {"// @flow",
                                   "// @flow strict-local",
                                   "// @ts-check",
                                   "// @ts-nocheck",
                                   "//@ts-ignore why",
                                   "// @ts-expect-error: why",
                                   "// eslint-disable-next-line no-x -- why",
                                   "// eslint-disable-line",
                                   "/* eslint-disable */",
                                   "/* eslint no-x: 0 */",
                                   "/** eslint-env node */",
                                   "/* istanbul ignore next */",
                                   "// istanbul ignore next: why",
                                   "/** istanbul ignore else */",
                                   "/* c8 ignore start */",
                                   "// v8 ignore next 3",
                                   "// prettier-ignore",
                                   "// biome-ignore lint/x: why",
                                   "// tslint:disable-next-line:x",
                                   "/* jshint esversion: 6 */",
                                   "// jshint ignore:line",
                                   "// $FlowFixMe[incompatible-type] why",
                                   "/** @flow */",
                                   "/**\n * @flow strict\n * @format\n */",
                                   "/** @jsx h */",
                                   "/// <reference types=\"node\" />",
                                   "// #region Public",
                                   "/*#__PURE__*/",
                                   "// NOSONAR",
                                   "// noinspection JSUnused",
                                   "// @jest-environment jsdom",
                                   "// deno-lint-ignore no-x"}) {
    INFO(pragma);
    for (const std::string path : {"a.js", "a.ts"}) {
      CHECK(doc_of(path, pragma + "\nfunction f() {}") == "");
      CHECK(doc_of(path, "/** doc */\n" + pragma + "\nfunction f() {}") == "doc");
      CHECK(doc_of(path, "// doc\n" + pragma + "\nexport const f = () => {\n};") == "doc");
      CHECK(doc_of(path, pragma + "\n// doc\nfunction f() {}") == "doc");
      CHECK(only(path, "\n\n" + pragma + "\nfunction f() {}", "f").source ==
            pragma + "\nfunction f() {}");
    }
  }
  for (const std::string doc :
       {"eslint is strict here", "@flowing water", "eslint-plugin-x calls this",
        "@param x The flow", "istanbul is a city", "jshinting", "@format-like", "see @ts-ignore",
        "@type {string}", "$Flow of x"}) {
    INFO(doc);
    CHECK(doc_of("a.js", "// " + doc + "\nfunction f() {}") == doc);
    CHECK(doc_of("a.js", "/** " + doc + " */\nfunction f() {}") == doc);
  }
  CHECK(doc_of("a.js", "/**\n * @flow\n * Adds.\n */\nfunction f() {}") == "@flow\nAdds.");
}

TEST_CASE("docstring: a long one is capped between code points", "[parse]") {
  std::string words;
  while (words.size() < 2 * kMaxDocstringBytes) words += "caf\u00e9\n";
  const auto whole = [](std::string_view path, const std::string& source) {
    return only(parsed(path, source, 1'000'000), "f").docstring.size();
  };
  const std::size_t in_python = whole("a.py", "def f():\n    '''" + words + "'''\n    pass\n");
  CHECK(in_python <= kMaxDocstringBytes);
  CHECK(in_python > kMaxDocstringBytes - 4);
  const std::size_t in_script = whole("a.js", "/** " + words + "*/\nfunction f() {}");
  CHECK(in_script <= kMaxDocstringBytes);
  CHECK(in_script > kMaxDocstringBytes - 8);
}
