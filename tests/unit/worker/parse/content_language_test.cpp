// Languages by content: what names an interpreter, and lines for Emacs and Vim.

#include "worker/parse/content_language.h"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>

#include "common/base/languages.h"
#include "tests/unit/worker/parse/chunker_fixture.h"
#include "worker/parse/modeline.h"
#include "worker/parse/shebang.h"

using namespace forkdex;
using namespace std::string_literals;

namespace {

std::string language_in(std::string_view text) {
  const auto language = language_of_content(text);
  if (language) CHECK(is_language(*language));
  return std::string(language.value_or("none"));
}

}  // namespace

TEST_CASE("content language: the interpreter of the first line says it", "[parse]") {
  for (const char* line :
       {"#!/usr/bin/env python3", "#!/usr/bin/python", "#! /usr/bin/python2.7 -u",
        "#!/usr/bin/env -S python3 -u", "#!/usr/bin/env -S PYTHONPATH=lib python3.11 -X dev",
        "#!/usr/bin/env -vS python3", "#!/usr/bin/env -Spython3 -u",
        "#!/usr/bin/env A=b C=d python", "#!/usr/bin/env -i -u HOME python3",
        "#!/usr/bin/env --split-string=python3 -u", "#!/opt/pypy3.9/bin/pypy3",
        "#!C:\\Python39\\python.exe", "#!/usr/bin/env -S uv run --script",

        "#!python", "#!/usr/bin/env pypy", "#!/usr/bin/env\tpython3\r", "#!/usr/bin/env ipython3",
        "#!/usr/bin/env -S pipx run python", "#!/usr/local/bin/python3.12"}) {
    INFO(line);
    CHECK(language_in(std::string(line) + "\nimport os\n") == "python");
  }
  for (const char* line : {"#!/usr/bin/env node", "#!/usr/bin/env -S node --no-warnings",
                           "#!/usr/bin/nodejs", "#!/usr/bin/env NODE_ENV=test node",
                           "#!/usr/local/bin/node18", "#!/usr/bin/env zx", "#!/usr/bin/env qjs"}) {
    INFO(line);
    CHECK(language_in(line) == "javascript");
  }
  for (const char* line :
       {"#!/usr/bin/env ts-node", "#!/usr/bin/env -S npx tsx",
        "#!/usr/bin/env -S npx --yes ts-node", "#!/usr/bin/env -S deno run --allow-net",
        "#!/usr/bin/env bun", "#!/usr/bin/env tsx"}) {
    INFO(line);
    CHECK(language_in(line) == "typescript");
  }
  CHECK(language_in("#!/bin/sh\necho\n") == "shell");
  CHECK(language_in("#!/usr/bin/perl -w\n") == "perl");
  CHECK(language_in("#!/usr/bin/env Rscript\n") == "r");
  for (const char* text :
       {"", "#!", "#! \n", "#!/usr/bin/env", "#!/usr/bin/env -S", "#!/bin/pythonic",
        " #!/usr/bin/python", "\n#!/usr/bin/python", "import os\n", "#!/a/b c"}) {
    INFO(text);
    CHECK(language_in(text) == "none");
  }
}

TEST_CASE("content language: a shell script that hands itself over is the other's", "[parse]") {
  CHECK(language_in("#!/bin/sh\n'''exec' /a/long/path/python3.11 \"$0\" \"$@\"\n' '''\n") ==
        "python");
  CHECK(language_in("#!/bin/sh\n\":\" //# ; exec /usr/bin/env node --harmony \"$0\" \"$@\"\n") ==
        "javascript");
  CHECK(language_in("#!/bin/sh\nexec make all\n") == "shell");
}

TEST_CASE("content language: a line for Emacs says it", "[parse]") {
  CHECK(language_in("# -*- mode: python -*-\n") == "python");
  CHECK(language_in("# -*- Python -*-\n") == "python");
  CHECK(language_in("# -*- coding: utf-8; mode: python; tab-width: 4 -*-\n") == "python");
  CHECK(language_in("#!/bin/weird\n# -*-python-*-\n") == "python");
  CHECK(language_in("// -*- mode: js2 -*-\n") == "javascript");
  CHECK(language_in("// -*- mode: typescript-ts-mode -*-\n") == "typescript");
  CHECK(language_in("/* -*- C++ -*- */\n") == "cpp");
  CHECK(language_in("x\n# Local Variables:\n# mode: python\n# End:\n") == "python");
  CHECK(language_in("x\n# -*- python -*-\n") == "none");
  CHECK(language_in("# -*- coding: utf-8 -*-\n") == "none");
  CHECK(language_in("# -*- fundamental -*-\n") == "none");
}

TEST_CASE("content language: a line for Vim near either end says it", "[parse]") {
  const std::string many = "1\n2\n3\n4\n5\n6\n";
  for (const char* line :
       {"# vim: set ft=python:", "# vim: ft=python", "# vi: set filetype=python :",
        "# vim:ts=4:sw=4:ft=python", "vim: se et ft=python ts=4: more",
        "# vim700: set ft=python :", "# vim>703: set ft=python :", "# ex: ft=python",
        "# vim: syntax=python", "# Vim: set ft=python.django :"}) {
    INFO(line);
    CHECK(language_in(std::string(line) + "\n" + many) == "python");
    CHECK(language_in(many + line + "\n") == "python");
    CHECK(language_in(many + line + "\n1\n2\n3\n4") == "python");
    CHECK(language_in(many + line + "\n" + many) == "none");
  }
  CHECK(language_in("// vim: set ft=typescriptreact :\n") == "tsx");
  CHECK(language_in("// vim: ft=javascript\r\n") == "javascript");
  for (const char* line : {"# novim: ft=python", "# vim: ts=4", "# vim ft=python",
                           "vim: set ts=4: ft=python", "# vim: set left=python:"}) {
    INFO(line);
    CHECK(language_in(line) == "none");
  }
  CHECK(language_in("#!/bin/sh\n# vim: ft=python\n") == "python");  // linguist's order
}

TEST_CASE("content language: only where the name says nothing", "[parse]") {
  const std::string python = "#!/usr/bin/env python3\n";
  CHECK(language_of_file("bin/report", python) == "python");
  CHECK(language_of_file("bin/report.unheard", python) == "python");
  CHECK(language_of_file("report.cgi", python) == "python");
  CHECK(language_of_file("build", python) == "python");
  CHECK(language_of_file("report.txt", python) == "text");
  CHECK(language_of_file("report.sh", python) == "shell");
  CHECK(language_of_file("Makefile", python) == "make");
  CHECK(language_of_file("LICENSE", "Permission is") == "text");
  CHECK(language_of_file("a", "\xEF\xBB\xBF" + python) == "python");
  CHECK(language_of_file("a", "\xFF\xFE#\0!\0/\0b\0/\0n\0o\0d\0e\0\n\0"s) == "javascript");
  CHECK(language_of_file("a", "\xFE\xFF\0#\0!\0/\0b\0/\0n\0o\0d\0e\0\n"s) == "javascript");
  CHECK(language_of_file("a", "<?xml version='1.0'?><a/>") == "xml");
}

TEST_CASE("content language: a script without extension is cut as its language is", "[parse]") {
  const ParsedFile file =
      test::parsed("bin/nightly",
                   "#!/usr/bin/env python3\n# coding: koi8-r\n'''Sends.'''\n\n\ndef collect(day):\n"
                   "    '''\xF3\xD5.'''\n    return []\n");
  CHECK(file.language == "python");
  CHECK(test::only(file, "collect").docstring == "\u0421\u0443.");
}
