#include "worker/embed/encoder/families.h"

#include <catch2/catch.hpp>

#include "common/model/family.h"

namespace forkdex {
namespace {

TEST_CASE("families: the supervisor's family -> the encoder's of the same name") {
  REQUIRE_FALSE(model_families().empty());
  for (const ModelFamily& family : model_families()) {
    INFO(family.name);
    const EncoderFamily* encoder = find_encoder_family(family.name);
    REQUIRE(encoder);
    CHECK(encoder->name == family.name);
  }
  CHECK(find_encoder_family("gpt2") == nullptr);
}

TEST_CASE("families: a model_type -> its only family") {
  for (const std::string_view type : model_types()) {
    INFO(type);
    CHECK(find_family(type) != nullptr);
  }
  CHECK(find_family("xlm-roberta") == find_family("roberta"));
  CHECK(find_family("gpt2") == nullptr);
  CHECK(find_family("") == nullptr);
}

}  // namespace
}  // namespace forkdex
