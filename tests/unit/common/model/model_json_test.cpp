#include "common/model/model_json.h"

#include <limits>
#include <string>

#include <catch2/catch.hpp>

namespace forkdex {
namespace {

using nlohmann::json;

/// What is said of the value of "size" in `text` that is not within 2 and 9.
std::string complaint(const char* text) {
  try {
    whole_number(json::parse(text), "size", {2, 9, "is impossible"}, "config.json");
  } catch (const Unusable& refused) {
    CHECK(refused.file.string() == "config.json");
    return refused.sentence;
  }
  return "";
}

TEST_CASE("model_json: a number within its bounds -> the number") {
  const json object = {{"least", 2}, {"most", 9}};
  CHECK(whole_number(object, "least", {2, 9, ""}, "") == 2);
  CHECK(whole_number(object, "most", {2, 9, ""}, "") == 9);
  const json largest = json::parse(R"({"size": 18446744073709551615})");
  CHECK(whole_number(largest, "size", Bounds(), "") == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("model_json: no number, or one out of its bounds -> its key and the complaint") {
  for (const char* value : {"1", "10", "-1", "-9223372036854775808", "18446744073709551615", "3.0",
                            "\"3\"", "true", "null", "[3]"}) {
    INFO(value);
    CHECK(complaint((std::string(R"({"size": )") + value + "}").c_str()) == "size is impossible");
  }
  CHECK(complaint("{}") == "size is impossible");
  CHECK(complaint("[]") == "size is impossible");
}

}  // namespace
}  // namespace forkdex
