#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace forkdex {

/// The numbers that a model computes with. Vectors of all lie within 2e-4 (cosine) of each other
/// and mix in one index.
enum class Precision : std::uint8_t {
  kAuto,  ///< what this processor is fastest with
  kFp32,
  kBf16,
};

/// Their names, in the order of the enumerators.
inline constexpr std::array<std::string_view, 3> kPrecisionNames = {"auto", "fp32", "bf16"};

/// `wanted`, or for kAuto: kBf16 where the processor multiplies it faster (AVX512_BF16, with or
/// without AMX), else kFp32.
Precision resolved(Precision wanted);

inline std::string_view name_of(Precision precision) {
  return kPrecisionNames[static_cast<std::size_t>(precision)];
}

}  // namespace forkdex
