// Tokenizers of each kind: any text has as many tokens as are counted, every one of the vocabulary,
// and a limit cuts them without changing those before it.

#include "worker/embed/tokenizer/tokenizer.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "tests/fuzz/fuzz_target.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::fuzz {
namespace {

constexpr std::size_t kSpecialTokens = 2;  // before and after the text

struct Subject {
  std::unique_ptr<Tokenizer> tokenizer;
  std::int32_t vocabulary;
};

std::unique_ptr<Tokenizer> opened(const std::filesystem::path& folder) {
  auto tokenizer = Tokenizer::open(folder);
  if (!tokenizer) throw std::runtime_error(tokenizer.error().text());
  return *std::move(tokenizer);
}

std::unique_ptr<Tokenizer> parsed(std::string_view document) {
  const test::TemporaryFolder folder;
  folder.write("tokenizer.json", document);
  return opened(folder.path());
}

constexpr std::string_view kBytePairs = R"({
  "added_tokens": [{"id": 9, "content": "  ", "single_word": true, "lstrip": true,
                    "rstrip": true, "normalized": true}],
  "normalizer": {"type": "NFC"},
  "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": true},
  "post_processor": {"type": "RobertaProcessing", "cls": ["<s>", 0], "sep": ["</s>", 1]},
  "model": {"type": "BPE", "unk_token": "<unk>",
            "vocab": {"<s>": 0, "</s>": 1, "<unk>": 2, "a": 3, "Ġ": 4, "Ġa": 5, "aa": 6,
                      "ĠĠ": 7, "Ã": 8},
            "merges": [["a", "a"], ["Ġ", "a"], ["Ġ", "Ġ"]]}})";

constexpr std::string_view kPieces = R"({
  "normalizer": {"type": "Sequence", "normalizers": [
      {"type": "NFKD"}, {"type": "Lowercase"}, {"type": "StripAccents"},
      {"type": "Strip", "strip_left": true, "strip_right": true},
      {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}]},
  "pre_tokenizer": {"type": "Metaspace", "replacement": "▁"},
  "post_processor": {"type": "BertProcessing", "cls": ["<s>", 0], "sep": ["</s>", 1]},
  "model": {"type": "Unigram", "unk_id": 2, "byte_fallback": true,
            "vocab": [["<s>", 0], ["</s>", 0], ["<unk>", 0], ["a", -1.5], ["▁", -2], ["▁a", -2.5],
                      ["aa", -2], ["<0xC3>", -9], ["<0xA9>", -9], ["▁▁", -3]]}})";

const std::array<Subject, 3>& subjects() {
  static const std::array<Subject, 3> all = {{
      {opened(FORKDEX_DEPS_DIR "/model"), 30522},  // BERT's English word pieces
      {parsed(kBytePairs), 10},
      {parsed(kPieces), 10},
  }};
  return all;
}

void check_subject(const Subject& subject, std::size_t limit, std::string_view text) {
  const Tokenizer& tokenizer = *subject.tokenizer;
  std::vector<std::int32_t> all = {-7};  // what stood there stays
  const std::size_t appended = tokenizer.encode(text, text.size() * 16 + 100, all);
  expect(all.size() == appended + 1 && all[0] == -7, "tokens are appended");
  expect(tokenizer.count(text) == appended, "as many tokens are counted as are made");
  for (std::size_t i = 1; i < all.size(); ++i)
    expect(all[i] >= 0 && all[i] < subject.vocabulary, "a token is one of the vocabulary");

  std::vector<std::int32_t> cut;
  tokenizer.encode(text, limit, cut);
  expect(cut.size() == std::clamp(limit, kSpecialTokens, std::max(appended, kSpecialTokens)),
         "a limit is used up and kept");
  expect(cut.front() == all[1] && cut.back() == all.back(), "special tokens stand at the ends");
  expect(std::equal(cut.begin(), cut.end() - 1, all.begin() + 1), "a limit only cuts");
}

void check(std::string_view bytes) {
  Input input(bytes);
  const std::size_t limit = input.number<std::uint8_t>();
  const std::string_view text = input.rest();
  for (const Subject& subject : subjects()) check_subject(subject, limit, text);
}

const Registration kTarget("tokenizer", check);

}  // namespace
}  // namespace forkdex::fuzz
