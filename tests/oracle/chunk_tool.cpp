// What forkdex makes of files, for the oracles: reads paths from stdin, one a line, and writes one
// JSON object a file to stdout: its path, language, detail and chunks, or the error.
//
//   chunk_tool MODEL   MODEL: the folder of the model whose tokens and limit count

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "common/model/model_folder.h"
#include "worker/embed/tokenizer/tokenizer.h"
#include "worker/parse/chunker.h"

namespace {

using namespace forkdex;
using Json = nlohmann::ordered_json;

Json described(const Chunk& chunk) {
  return {{"kind", name(chunk.kind)},
          {"name", chunk.name},
          {"qualified_name", chunk.qualified_name},
          {"parent", chunk.parent},
          {"signature", chunk.signature},
          {"docstring", chunk.docstring},
          {"start_line", chunk.start_line},
          {"end_line", chunk.end_line},
          {"definition_line", chunk.definition_line},
          {"start_byte", chunk.start_byte},
          {"end_byte", chunk.end_byte},
          {"metadata", Json::parse(chunk.metadata)}};
}

Json described(const std::string& path, Chunker& chunker) {
  std::ifstream stream(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  Json result{{"path", path}};
  const auto file = chunker.chunk(path, bytes);
  if (!file) {
    result["error"] = file.error().text();
    return result;
  }
  result["language"] = file->language;
  result["detail"] = file->detail;
  result["chunks"] = Json::array();
  for (const Chunk& chunk : file->chunks) result["chunks"].push_back(described(chunk));
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: chunk_tool MODEL\n";
    return EXIT_FAILURE;
  }
  const auto folder = ModelFolder::read(argv[1], {});
  const auto tokenizer = Tokenizer::open(argv[1]);
  if (!folder || !tokenizer) {
    std::cerr << "chunk_tool: " << (folder ? tokenizer.error() : folder.error()).text() << "\n";
    return EXIT_FAILURE;
  }
  Chunker chunker([&](std::string_view text) { return (*tokenizer)->count(text); },
                  {.max_tokens = folder->max_tokens});
  for (std::string path; std::getline(std::cin, path);)
    std::cout << described(path, chunker).dump(-1, ' ', false, Json::error_handler_t::replace)
              << '\n';
  return EXIT_SUCCESS;
}
