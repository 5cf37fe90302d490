#include "worker/parse/text_view.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "worker/parse/chunker.h"

namespace forkdex {
namespace {

using Texts = std::vector<std::string>;

Texts text_views(const std::string& path, const std::string& source,
                 std::size_t max_tokens = 100'000) {
  Chunker::Limits limits;
  limits.max_tokens = max_tokens;
  Chunker chunker([](std::string_view text) { return text.size(); }, limits);
  const auto file = chunker.chunk(path, source);
  if (!file) FAIL(file.error().text());
  Texts views;
  for (const Chunk& chunk : file->chunks) views.push_back(chunk.text_view);
  return views;
}

TEST_CASE("text view: words end where letters and digits do, and where a capital begins one") {
  CHECK(words_of("parseHTTPHeader2") == "parse http header 2");
  CHECK(words_of("src/internal/operators/mergeMap") == "src internal operators merge map");
  CHECK(words_of("_private__snake_CASE") == "private snake case");
  CHECK(words_of("utf8_2to3") == "utf 8 2 to 3");
  CHECK(words_of("gr\u00f6\u00dfe") == "gr\u00f6\u00dfe");
  CHECK(words_of("A") == "a");
  CHECK(words_of("XMLHttpRequest.open") == "xml http request open");
  CHECK(words_of("../--") == "");
}

TEST_CASE("text view: of code it is path and name in words, docstring and comments", "[parse]") {
  CHECK(text_views("app/user_store.py", R"(import os  # for paths


class UserStore:
    """Keeps users."""

    def findByName(self, name):
        """Looks a user up."""
        # The index knows it.
        return self.index[name]  # or raises


# Nobody calls
# this.
def unused(): pass
)") == Texts{"app user store\nfor paths", "app user store: user store\nKeeps users.",
             "app user store: user store find by name\nLooks a user up.\nThe index knows it."
             "\nor raises",
             "app user store: unused\nNobody calls\nthis."});
  CHECK(text_views("a.ts", "/** Adds. */\nfunction addTwo(a) { /* easy */ return a + 2; }\n") ==
        Texts{"a: add two\nAdds.\neasy"});
}

TEST_CASE("text view: each part of a definition has the comments that stand in it", "[parse]") {
  std::string source = "def long(a):\n    \"\"\"What it does.\"\"\"\n";
  for (int i = 0; i < 8; ++i)
    source += "    # step " + std::to_string(i) + "\n    a = call(a, " + std::to_string(i) + ")\n";
  const Texts views = text_views("m.py", source, 100);
  REQUIRE(views.size() > 2);
  CHECK(views.front().starts_with("m: long\nWhat it does."));
  std::string all;
  for (const std::string& view : views) {
    CHECK(view.starts_with("m: long"));
    all += view;
  }
  for (int i = 0; i < 8; ++i) CHECK(all.find("step " + std::to_string(i)) != std::string::npos);
  CHECK(views.back().find("What it does") == std::string::npos);
}

TEST_CASE("text view: of a path that is not UTF-8 it is UTF-8", "[parse]") {
  CHECK(text_views("caf\xE9/a_b.py", "x = 1\n") == Texts{"caf\xEF\xBF\xBD a b"});
}

TEST_CASE("text view: of a document it is the section, of other texts the path alone", "[parse]") {
  CHECK(text_views("docs/HowTo.md", "# Install\n\nRun `make`.\n") ==
        Texts{"docs how to\n# Install\n\nRun `make`."});
  CHECK(text_views("build/settings.json", "{\"a\": 1}\n") == Texts{"build settings"});
  CHECK(text_views(".gitignore", "x\n").front().starts_with("gitignore"));
}

TEST_CASE("text view: is no longer than any model reads, and ends between characters", "[parse]") {
  std::string comment = "# ";
  for (int i = 0; i < 60; ++i) comment += "\u00fc";
  std::string source;
  for (int i = 0; i < 600; ++i) source += comment + "\n";
  const Texts views = text_views("m.py", source + "def f(): pass\n");
  REQUIRE(views.size() == 1);
  CHECK(views.front().size() <= kMaxTextViewBytes);
  CHECK(views.front().size() > kMaxTextViewBytes - 4);
  CHECK(views.front().ends_with("\u00fc"));
}

}  // namespace
}  // namespace forkdex
