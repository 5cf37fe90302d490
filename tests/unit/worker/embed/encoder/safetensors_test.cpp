#include "worker/embed/encoder/safetensors.h"

#include <cstring>
#include <string>

#include <catch2/catch.hpp>

#include "tests/support/temporary_folder.h"
#include "tests/unit/common/model/model_files.h"

namespace forkdex {
namespace {

using test::safetensors_bytes;
using test::TemporaryFolder;

Result<Safetensors> open_bytes(const std::string& bytes) {
  const TemporaryFolder folder;
  folder.write("model.safetensors", bytes);
  return Safetensors::open(folder / "model.safetensors");
}

std::string refusal(const std::string& header, std::size_t data_bytes) {
  const auto opened = open_bytes(safetensors_bytes(header, std::string(data_bytes, '\0')));
  if (opened.ok()) return "";
  CHECK(opened.error().code == ErrorCode::kModelUnusable);
  return opened.error().sentence;
}

TEST_CASE("safetensors: finds a tensor by name and keeps it after a move") {
  const float values[] = {1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f};
  const std::string data(reinterpret_cast<const char*>(values), sizeof values);
  auto opened = open_bytes(safetensors_bytes(
      R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})",
      data));
  REQUIRE(opened.ok());
  const Safetensors file = std::move(*opened);
  const Safetensors::Tensor* tensor = file.find("w");
  REQUIRE(tensor);
  CHECK(tensor->dtype == "F32");
  CHECK(tensor->shape == std::vector<std::int64_t>{2, 3});
  REQUIRE(tensor->bytes.size() == sizeof values);
  CHECK(std::memcmp(tensor->bytes.data(), values, sizeof values) == 0);
  CHECK(file.find("v") == nullptr);
  CHECK(file.find("__metadata__") == nullptr);
}

TEST_CASE("safetensors: refuses a file without a whole header") {
  CHECK_FALSE(open_bytes("").ok());
  CHECK_FALSE(open_bytes("1234567").ok());
  CHECK_FALSE(open_bytes(std::string(8, '\xFF')).ok());
  CHECK_FALSE(open_bytes(std::string("\x10\0\0\0\0\0\0\0{}", 10)).ok());
  CHECK(open_bytes(safetensors_bytes("{}", "")).ok());
}

TEST_CASE("safetensors: refuses a missing file and a folder") {
  const TemporaryFolder folder;
  CHECK_FALSE(Safetensors::open(folder.path() / "absent").ok());
  CHECK_FALSE(Safetensors::open(folder.path()).ok());
}

TEST_CASE("safetensors: refuses headers that lie") {
  using Catch::Contains;
  CHECK_THAT(refusal(R"({"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})", 12),
             Contains("outside"));
  CHECK_THAT(refusal(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}})", 12),
             Contains("outside"));
  CHECK_THAT(refusal(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,12]}})", 12),
             Contains("12 bytes"));
  CHECK_THAT(refusal(R"({"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 12),
             Contains("shape"));
  CHECK_THAT(refusal(R"({"w":{"dtype":"F32","shape":[4611686018427387904,4],)"
                     R"("data_offsets":[0,0]}})",
                     0),
             Contains("shape"));
  CHECK_THAT(refusal(R"({"w":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}})", 8),
             Contains("C64"));
  CHECK_THAT(refusal(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})", 8),
             Contains("aligned"));
  CHECK_THAT(refusal(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 8),
             Contains("data_offsets"));
  CHECK_THAT(refusal(R"({"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                     R"("w":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                     12),
             Contains("overlap"));
}

TEST_CASE("safetensors: refuses headers that are not what they should be") {
  for (const char* header : {"[]", "1", "{", "{\"w\":1}", "{\"w\":{}}",
                             R"({"w":{"dtype":4,"shape":[],"data_offsets":[0,4]}})",
                             R"({"w":{"dtype":"F32","shape":4,"data_offsets":[0,4]}})"})
    CHECK(refusal(header, 8) != "");
  CHECK_THAT(refusal(std::string(1 << 20, '['), 0), Catch::Contains("deep"));
}

}  // namespace
}  // namespace forkdex
