#pragma once

#include <cstdint>

namespace forkdex {

/// The numbers that a model computes with. Vectors of all lie within 2e-4 (cosine) of each other
/// and mix in one index.
enum class Precision : std::uint8_t {
  kAuto,  ///< bf16 where the processor multiplies it faster (AMX, AVX512_BF16), else fp32
  kFp32,
  kBf16,
};

}  // namespace forkdex
