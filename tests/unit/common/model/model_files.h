#pragma once

// Model folders made by a test: small enough to write, shaped like the real thing.

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/temporary_folder.h"

namespace forkdex::test {

/// The bytes of a safetensors file: `header` with its length before and `data` behind it, padded so
/// that the data is aligned.
inline std::string safetensors_bytes(std::string header, const std::string& data) {
  while (header.size() % 8 != 0) header += ' ';
  const std::uint64_t length = header.size();
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes + header + data;
}

/// The smallest BERT: 1 layer, 2 heads of 16, a vocabulary of 8 tokens, 16 positions. Change what a
/// test is about, then write().
struct TinyModel {
  using Shape = std::vector<std::int64_t>;

  nlohmann::json config = {{"model_type", "bert"},   {"hidden_act", "gelu"},
                           {"num_hidden_layers", 1}, {"num_attention_heads", 2},
                           {"hidden_size", 32},      {"intermediate_size", 48},
                           {"vocab_size", 8},        {"max_position_embeddings", 16},
                           {"type_vocab_size", 2}};
  nlohmann::json tokenizer = {
      {"added_tokens", nlohmann::json::array()},
      {"normalizer", {{"type", "BertNormalizer"}}},
      {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
      {"post_processor",
       {{"type", "BertProcessing"}, {"cls", {"[CLS]", 1}}, {"sep", {"[SEP]", 2}}}},
      {"model",
       {{"type", "WordPiece"},
        {"unk_token", "[UNK]"},
        {"vocab",
         {{"[UNK]", 0}, {"[CLS]", 1}, {"[SEP]", 2}, {"a", 3}, {"b", 4}, {"##b", 5}, {"c", 6}}}}}};
  std::string dtype = "F32";  ///< of every tensor
  std::map<std::string, Shape> tensors = shapes();

  void write(const TemporaryFolder& folder) const {
    folder.write("config.json", config.dump());
    folder.write("tokenizer.json", tokenizer.dump());
    nlohmann::json header = nlohmann::json::object();
    std::string data;
    std::uint32_t state = 1;
    for (const auto& [name, shape] : tensors) {
      std::int64_t count = 1;
      for (const std::int64_t size : shape) count *= size;
      const std::size_t begin = data.size();
      for (std::int64_t i = 0; i < count; ++i) append_value(data, state);
      header[name] = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {begin, data.size()}}};
    }
    folder.write("model.safetensors", safetensors_bytes(header.dump(), data));
  }

 private:
  // Values between -0.5 and 0.5 from a small generator, so that every run has the same weights.
  void append_value(std::string& data, std::uint32_t& state) const {
    state = state * 1664525u + 1013904223u;
    const float value = static_cast<float>(state >> 8) / static_cast<float>(1 << 24) - 0.5f;
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    // BF16 is the upper half of a float.
    if (dtype == "BF16")
      data.append(bytes + 2, 2);
    else
      data.append(bytes, sizeof bytes);
  }

  static std::map<std::string, Shape> shapes() {
    std::map<std::string, Shape> all = {
        {"embeddings.word_embeddings.weight", {8, 32}},
        {"embeddings.position_embeddings.weight", {16, 32}},
        {"embeddings.token_type_embeddings.weight", {2, 32}},
        {"embeddings.LayerNorm.weight", {32}},
        {"embeddings.LayerNorm.bias", {32}},
    };
    const std::string layer = "encoder.layer.0.";
    const auto linear = [&](const std::string& name, std::int64_t outputs, std::int64_t inputs) {
      all[layer + name + ".weight"] = {outputs, inputs};
      all[layer + name + ".bias"] = {outputs};
    };
    for (const char* name : {"query", "key", "value"})
      linear(std::string("attention.self.") + name, 32, 32);
    linear("attention.output.dense", 32, 32);
    linear("intermediate.dense", 48, 32);
    linear("output.dense", 32, 48);
    for (const char* name : {"attention.output.LayerNorm", "output.LayerNorm"}) {
      all[layer + name + ".weight"] = {32};
      all[layer + name + ".bias"] = {32};
    }
    return all;
  }
};

}  // namespace forkdex::test
