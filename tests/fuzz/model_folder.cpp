// The JSON files of a model folder: any texts in them are refused, or describe a model.

#include "common/model/model_folder.h"

#include <array>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz_target.h"
#include "tests/support/temporary_folder.h"
#include "worker/embed/encoder/encoder_config.h"

namespace forkdex::fuzz {
namespace {

constexpr std::array<std::string_view, 8> kFiles = {
    "config.json",           "modules.json",
    "1_Pooling/config.json", "sentence_bert_config.json",
    "tokenizer_config.json", "config_sentence_transformers.json",
    "tokenizer.json",        "README.md"};

// One text a file, in the order above, each ended by a line "---".
void write_folder(const test::TemporaryFolder& folder, std::string_view texts) {
  constexpr std::string_view kEnd = "\n---\n";
  folder.write("model.safetensors", "");
  for (const std::string_view file : kFiles) {
    const std::size_t end = texts.find(kEnd);
    if (const auto text = texts.substr(0, end); !text.empty()) folder.write(file, text);
    if (end == std::string_view::npos) return;
    texts.remove_prefix(end + kEnd.size());
  }
}

void check(std::string_view bytes) {
  const test::TemporaryFolder folder;
  write_folder(folder, bytes);
  const auto model = ModelFolder::read(folder.path(), {});
  if (!model) {
    expect(model.error().code == ErrorCode::kModelUnusable, "the error is the model's");
  } else {
    expect(model->dimension > 0 && model->max_tokens > 0, "a model's sizes are positive");
    expect(model->pooling == "mean" || model->pooling == "cls" || model->pooling == "last",
           "a model's pooling is known");
    expect(!model->name.empty(), "a model has a name");
  }
  const auto config = EncoderConfig::read(folder.path());
  if (!config) {
    expect(config.error().code == ErrorCode::kModelUnusable, "the error is the model's");
    return;
  }
  expect(config->heads > 0 && config->head_size() * config->heads == config->hidden,
         "heads divide the hidden size");
}

const Registration kTarget("model_folder", check);

}  // namespace
}  // namespace forkdex::fuzz
