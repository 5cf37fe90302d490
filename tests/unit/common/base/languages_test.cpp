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
