// The chunker of each grammar: whatever stands in a file, nothing of it is lost or stands in two
// chunks, and every chunk fits the model.

#include "worker/parse/chunker.h"

#include <array>
#include <chrono>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz_target.h"
#include "tests/unit/worker/parse/chunk_faults.h"
#include "worker/parse/decode.h"

namespace forkdex::fuzz {
namespace {

// By the first letter of an input.
std::string_view path_of(char letter) {
  switch (letter) {
    case 'p':
      return "a.py";
    case 'j':
      return "a.js";
    case 'x':
      return "a.jsx";
    case 't':
      return "a.ts";
    case 'T':
      return "a.tsx";
    default:
      return "a.txt";
  }
}

constexpr std::chrono::hours kNoDeadline{1};  // a busy machine is no reason to fail
constexpr std::array<std::size_t, 3> kMaxTokens = {8, 40, 256};

// Compiling queries takes long, hence once for all inputs.
Chunker& chunker_of(std::size_t limit) {
  const auto make = [](std::size_t max_tokens) {
    return Chunker(test::count_tokens, {max_tokens, {kNoDeadline, kNoDeadline}});
  };
  static std::array<Chunker, kMaxTokens.size()> chunkers = {
      make(kMaxTokens[0]), make(kMaxTokens[1]), make(kMaxTokens[2])};
  return chunkers[limit];
}

void check(std::string_view bytes) {
  Input input(bytes);
  const std::string_view path = path_of(input.letter());
  const std::size_t limit = input.number<std::uint8_t>() % kMaxTokens.size();
  const std::string_view file = input.rest();
  const Result<ParsedFile> parsed = chunker_of(limit).chunk(path, file);
  const std::string_view language = path == "a.py" ? "python" : "";
  const Result<DecodedText> decoded = decode(file, language);
  expect(parsed.ok() == decoded.ok(), "what can be decoded can be cut");
  if (!parsed) return;
  std::string sources;
  for (const Chunk& chunk : parsed->chunks) sources += chunk.source;
  expect(test::without_blanks(sources) == test::without_blanks(decoded->text()), "nothing is lost");
  if (!decoded->detail().empty()) return;
  const std::string fault =
      test::chunks_fault(*parsed, file, kMaxTokens[limit], test::count_tokens);
  expect(fault.empty(), fault.c_str());
}

const Registration kTarget("chunker", check);

}  // namespace
}  // namespace forkdex::fuzz
