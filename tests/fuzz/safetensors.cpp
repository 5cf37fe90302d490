// Safetensors: whatever the header claims, every tensor lies inside the file, has the bytes that
// its shape needs, and can be read to its end.

#include "worker/embed/encoder/safetensors.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/memory_file.h"

namespace forkdex::fuzz {
namespace {

// The length as the format has it, so that a corpus of text gets past it; or any length.
std::string file_of(Input& input) {
  const bool honest = input.letter() != '!';
  const std::string_view rest = input.rest();
  if (!honest) return std::string(rest);
  const std::string_view header = rest.substr(0, rest.find('\n'));
  const std::uint64_t length = header.size();
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  bytes += header;
  if (header.size() < rest.size()) bytes += rest.substr(header.size() + 1);
  return bytes;
}

void check(std::string_view bytes) {
  Input input(bytes);
  const std::string file = file_of(input);
  const MemoryFile memory(file);
  const Result<Safetensors> opened = Safetensors::open(memory.path());
  if (!opened) {
    expect(opened.error().code == ErrorCode::kModelUnusable, "the error is the model's");
    return;
  }
  std::uint64_t length;
  std::memcpy(&length, file.data(), sizeof length);
  const auto header = nlohmann::json::parse(file.substr(sizeof length, length));
  const std::string_view data = std::string_view(file).substr(sizeof length + length);
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    const Safetensors::Tensor* tensor = opened->find(name);
    expect(tensor != nullptr, "every tensor of the header is found");
    const auto begin = entry["data_offsets"][0].get<std::size_t>();
    const auto end = entry["data_offsets"][1].get<std::size_t>();
    expect(begin <= end && end <= data.size(), "a tensor lies inside the file");
    expect(tensor->bytes.size() == end - begin, "a tensor is as long as its offsets say");
    expect(std::memcmp(tensor->bytes.data(), data.data() + begin, end - begin) == 0,
           "a tensor's bytes are the file's");
    for (const std::int64_t size : tensor->shape) expect(size >= 0, "a size is not negative");
  }
}

const Registration kTarget("safetensors", check);

}  // namespace
}  // namespace forkdex::fuzz
