#include "worker/store/binary_array.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace forkdex {

TEST_CASE("binary array: a vector's bytes are those that pgvector documents") {
  const Sha256 hash{};
  const float values[] = {1, -2, 0.5f};
  const std::vector<StoredVector> vectors = {{hash, values}};
  CHECK(halfvec_array(vectors, 0x1234) == std::string("\0\0\0\1"
                                                      "\0\0\0\0"
                                                      "\0\0\x12\x34"
                                                      "\0\0\0\1"
                                                      "\0\0\0\1"
                                                      "\0\0\0\x0a"
                                                      "\0\3\0\0\x3c\0\xc0\0\x38\0",
                                                      34));
}

}  // namespace forkdex
