// Answers for the oracles: reads files from stdin (each a path and its bytes: two texts, each a
// 32-bit length, then its bytes) and writes what forkdex cuts them into to stdout, a line of JSON a
// file.
//
//   chunk_tool MAX_TOKENS   three bytes count as a token: few of them leave no definition whole, so
//                           that those in functions are chunks too

#include <cstdlib>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/oracle/packed_texts.h"
#include "worker/parse/chunker.h"

namespace {

using namespace forkdex;
using Json = nlohmann::ordered_json;

Json described(const ParsedFile& file) {
  Json chunks = Json::array();
  for (const Chunk& chunk : file.chunks) {
    const Json metadata = Json::parse(chunk.metadata);
    chunks.push_back({{"kind", name(chunk.kind)},
                      {"name", chunk.name},
                      {"qualified_name", chunk.qualified_name},
                      {"docstring", chunk.docstring},
                      {"lines", {chunk.start_line, chunk.end_line}},
                      {"definition_line", chunk.definition_line},
                      {"bytes", {chunk.start_byte, chunk.end_byte}},
                      {"source", chunk.source},
                      {"part", metadata.value("part", 1)}});
  }
  return {{"language", file.language}, {"detail", file.detail}, {"chunks", std::move(chunks)}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: chunk_tool MAX_TOKENS\n";
    return 64;
  }
  std::ios::sync_with_stdio(false);
  const std::string input(std::istreambuf_iterator<char>(std::cin), {});
  const std::vector<std::string_view> texts = oracle::split_packed_texts(input);
  Chunker chunker([](std::string_view text) { return text.size() / 3 + 2; },
                  {.max_tokens = std::stoull(argv[1])});
  for (std::size_t i = 0; i + 1 < texts.size(); i += 2) {
    const auto file = chunker.chunk(texts[i], texts[i + 1]);
    const Json line = file ? described(*file) : Json{{"error", file.error().text()}};
    std::cout << line.dump() << "\n";
  }
  return EXIT_SUCCESS;
}
