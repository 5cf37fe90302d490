// The tokenizer of the bundled model: any text has as many tokens as are counted, every one of the
// vocabulary, and a limit cuts them without changing those before it.

#include "worker/embed/tokenizer.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "tests/fuzz/fuzz_target.h"

namespace forkdex::fuzz {
namespace {

constexpr std::int32_t kVocabulary = 30522;  // of every model with BERT's English word pieces
constexpr std::size_t kSpecialTokens = 2;    // before and after the text

const Tokenizer& bundled() {
  static const std::unique_ptr<Tokenizer> tokenizer = [] {
    auto opened = Tokenizer::open(FORKDEX_DEPS_DIR "/model");
    if (!opened) throw std::runtime_error(opened.error().text());
    return *std::move(opened);
  }();
  return *tokenizer;
}

void check(std::string_view bytes) {
  Input input(bytes);
  const std::size_t limit = input.number<std::uint8_t>();
  const std::string_view text = input.rest();
  std::vector<std::int32_t> all = {-7};  // what stood there stays
  const std::size_t appended = bundled().encode(text, text.size() * 4 + kSpecialTokens, all);
  expect(all.size() == appended + 1 && all[0] == -7, "tokens are appended");
  expect(bundled().count(text) == appended, "as many tokens are counted as are made");
  for (std::size_t i = 1; i < all.size(); ++i)
    expect(all[i] >= 0 && all[i] < kVocabulary, "a token is one of the vocabulary");

  std::vector<std::int32_t> cut;
  bundled().encode(text, limit, cut);
  expect(cut.size() == std::clamp(limit, kSpecialTokens, std::max(appended, kSpecialTokens)),
         "a limit is used up and kept");
  expect(cut.front() == all[1] && cut.back() == all.back(), "special tokens stand at the ends");
  expect(std::equal(cut.begin(), cut.end() - 1, all.begin() + 1), "a limit only cuts");
}

const Registration kTarget("tokenizer", check);

}  // namespace
}  // namespace forkdex::fuzz
