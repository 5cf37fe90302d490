#include "worker/embed/tokenizer.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace forkdex {
namespace {

std::vector<std::int32_t> encode(std::string_view text, std::size_t max_tokens = 256) {
  static const auto kTokenizer = Tokenizer::open(FORKDEX_DEPS_DIR "/model");
  REQUIRE(kTokenizer.ok());
  std::vector<std::int32_t> ids;
  CHECK((*kTokenizer)->encode(text, max_tokens, ids) == ids.size());
  return ids;
}

TEST_CASE("tokenizer: puts a text between [CLS] and [SEP]", "[model]") {
  CHECK(encode("") == std::vector<std::int32_t>{101, 102});
  CHECK(encode("Hello, World!") == std::vector<std::int32_t>{101, 7592, 1010, 2088, 999, 102});
}

}  // namespace
}  // namespace forkdex
