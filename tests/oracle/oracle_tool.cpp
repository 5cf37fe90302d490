// Answers for the oracles: reads texts from stdin (each a 32-bit length, then its bytes) and writes
// what forkdex makes of them to stdout, in the machine's byte order.
//
//   oracle_tool tokenize MODEL MAX_TOKENS   each text: a 32-bit count, then 32-bit ids
//   oracle_tool embed MODEL PRECISION       each text, as a document: the vector's 32-bit floats,
//                                           nothing else

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/model/model_folder.h"
#include "tests/oracle/packed_texts.h"
#include "worker/embed/embedder.h"
#include "worker/embed/tokenizer/tokenizer.h"

namespace {

using namespace forkdex;

template <class T>
void write(std::span<const T> values) {
  std::cout.write(reinterpret_cast<const char*>(values.data()),
                  static_cast<std::streamsize>(values.size_bytes()));
}

int fail(const Error& error) {
  std::cerr << "oracle_tool: " << error.text() << "\n";
  return EXIT_FAILURE;
}

int tokenize(const char* model, std::size_t max_tokens, std::span<const std::string_view> texts) {
  const auto tokenizer = Tokenizer::open(model);
  if (!tokenizer) return fail(tokenizer.error());
  std::vector<std::int32_t> ids;
  for (const std::string_view text : texts) {
    ids.clear();
    const auto count = static_cast<std::uint32_t>((*tokenizer)->encode(text, max_tokens, ids));
    write(std::span<const std::uint32_t>(&count, 1));
    write(std::span<const std::int32_t>(ids));
  }
  return EXIT_SUCCESS;
}

int embed(const char* model, Precision precision, std::span<const std::string_view> texts) {
  const auto folder = ModelFolder::read(model, {});
  if (!folder) return fail(folder.error());
  Embedder::Options options;
  options.precision = precision;
  const auto embedder = Embedder::open(*folder, options);
  if (!embedder) return fail(embedder.error());
  std::vector<float> vectors(texts.size() * (*embedder)->dimension());
  std::uint64_t tokens = 0;
  std::vector<std::string> prefixed;
  for (const std::string_view text : texts)
    prefixed.push_back(folder->document_prefix + std::string(text));
  const std::vector<std::string_view> documents(prefixed.begin(), prefixed.end());
  const auto embedded = (*embedder)->embed(documents, vectors, tokens);
  if (!embedded) return fail(embedded.error());
  std::cerr << "oracle_tool: " << tokens << " tokens\n";
  write(std::span<const float>(vectors));
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  std::ios::sync_with_stdio(false);
  const std::string input(std::istreambuf_iterator<char>(std::cin), {});
  const std::vector<std::string_view> texts = oracle::split_packed_texts(input);
  if (mode == "tokenize" && argc == 4) return tokenize(argv[2], std::stoull(argv[3]), texts);
  if (mode == "embed" && argc == 4)
    return embed(argv[2], argv[3] == std::string("bf16") ? Precision::kBf16 : Precision::kFp32,
                 texts);
  std::cerr << "usage: oracle_tool tokenize MODEL MAX_TOKENS | embed MODEL fp32|bf16\n";
  return 64;
}
