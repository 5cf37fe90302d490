#include "common/base/languages.h"

#include <catch2/catch.hpp>

#include <string>

using namespace forkdex;

TEST_CASE("languages: a path's language follows from its file name and extension", "[parse]") {
  CHECK(language_of("src/index.ts") == "typescript");
  CHECK(language_of("src/index.d.ts") == "typescript");
  CHECK(language_of("a.mts") == "typescript");
  CHECK(language_of("App.tsx") == "tsx");
  CHECK(language_of("lib/x.cjs") == "javascript");
  CHECK(language_of("View.jsx") == "jsx");
  CHECK(language_of("pkg/__init__.py") == "python");
  CHECK(language_of("pkg/types.pyi") == "python");
  CHECK(language_of("README.md") == "markdown");
  CHECK(language_of("conf.YAML") == "yaml");
  CHECK(language_of("deep/Dockerfile") == "dockerfile");
  CHECK(language_of("CMakeLists.txt") == "cmake");
}

TEST_CASE("languages: names and extensions of the languages with a grammar are linguist's",
          "[parse]") {
  for (const char* path :
       {"a.py",       "a.gyp",      "a.gypi",  "a.lmi",    "a.py3", "a.pyde",    "a.pyi",
        "a.pyp",      "a.pyt",      "a.pyw",   "a.rpy",    "a.tac", "a.wsgi",    "a.xpy",
        "SConstruct", "SConscript", "wscript", ".gclient", "DEPS",  "Snakefile", "rules.smk"}) {
    INFO(path);
    CHECK(language_of(path) == "python");
  }
  for (const char* path :
       {"a.js",  "a._js",   "a.bones", "a.cjs",   "a.es",   "a.es6",     "a.jake",  "a.javascript",
        "a.jsb", "a.jscad", "a.jsfl",  "a.jslib", "a.jsm",  "a.jspre",   "a.jss",   "a.mjs",
        "a.njs", "a.pac",   "a.sjs",   "a.ssjs",  "a.xsjs", "a.xsjslib", "Jakefile"}) {
    INFO(path);
    CHECK(language_of(path) == "javascript");
  }
  for (const char* path : {"a.ts", "a.cts", "a.mts", "a.d.ts", "a.d.cts"})
    CHECK(language_of(path) == "typescript");
  for (const char* path :
       {"a.bzl", "a.star", "BUILD", "BUILD.bazel", "WORKSPACE", "BUCK", "Tiltfile"})
    CHECK(language_of(path) == "starlark");
}

TEST_CASE("languages: a name that says nothing leaves it to the content", "[parse]") {
  for (const char* path : {"bin/shop", "LICENSE", "a.unheard", "a.cgi", "a.inc", ".py", "", "build",
                           "deps", "workspace"}) {
    INFO(path);
    CHECK_FALSE(name_says_language(path));
    CHECK(language_of(path) == "text");
  }
  for (const char* path : {"a.txt", "a.py", "Makefile", "BUILD"}) CHECK(name_says_language(path));
}

TEST_CASE("languages: what no table row names is text", "[parse]") {
  CHECK(language_of("") == "text");
  CHECK(language_of("LICENSE") == "text");
  CHECK(language_of("notes.txt") == "text");
  CHECK(language_of("a.unheard") == "text");
  CHECK(language_of(".py") == "text");
  CHECK(language_of("folder.py/file") == "text");
  CHECK(language_of("trailing.") == "text");
  CHECK(language_of("bytes.\xff\xfe") == "text");
}

TEST_CASE("languages: an id that language_of gives is a language", "[parse]") {
  for (const std::string path :
       {"a.ts", "a.tsx", "a.js", "a.jsx", "a.py", "a.rs", "x", "Makefile"}) {
    CHECK(is_language(language_of(path)));
  }
  CHECK_FALSE(is_language("ts"));
  CHECK_FALSE(is_language("TypeScript"));
  CHECK_FALSE(is_language(""));
}
