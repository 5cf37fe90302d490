// The forkdex side of the embedding benchmark: opens MODEL, reads packed texts from FILE, then for
// every line on stdin embeds them all and answers with one line, "SECONDS TOKENS". The vectors of
// the last round are written to VECTORS when stdin ends.
//
//   embedding_bench MODEL FILE VECTORS [BATCH_TOKENS [fp32|bf16]]

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "common/model/model_folder.h"
#include "tests/oracle/packed_texts.h"
#include "worker/embed/embedder.h"

namespace {

using namespace forkdex;

int fail(const Error& error) {
  std::cerr << "embedding_bench: " << error.text() << "\n";
  return EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: embedding_bench MODEL FILE VECTORS [BATCH_TOKENS [PRECISION]]\n";
    return 64;
  }
  const auto folder = ModelFolder::read(argv[1], {});
  if (!folder) return fail(folder.error());
  Embedder::Options options;
  if (argc > 4) options.batch_tokens = std::stoull(argv[4]);
  if (argc > 5)
    options.precision = argv[5] == std::string("fp32") ? Precision::kFp32 : Precision::kBf16;
  const auto embedder = Embedder::open(*folder, options);
  if (!embedder) return fail(embedder.error());
  std::ifstream file(argv[2], std::ios::binary);
  const std::string input(std::istreambuf_iterator<char>(file), {});
  const std::vector<std::string_view> texts = oracle::split_packed_texts(input);
  std::vector<float> vectors(texts.size() * (*embedder)->dimension());
  for (std::string line; std::getline(std::cin, line);) {
    std::uint64_t tokens = 0;
    const auto start = std::chrono::steady_clock::now();
    const auto embedded = (*embedder)->embed(texts, vectors, tokens);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    if (!embedded) return fail(embedded.error());
    std::cout << elapsed.count() << " " << tokens << std::endl;
  }
  std::ofstream(argv[3], std::ios::binary)
      .write(reinterpret_cast<const char*>(vectors.data()),
             static_cast<std::streamsize>(vectors.size() * sizeof(float)));
  return EXIT_SUCCESS;
}
