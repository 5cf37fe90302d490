#pragma once

// Vector arithmetic for one processor generation. One source for all: every function of Generation
// is forced inline into a function that carries the generation's target attribute, so the same
// vector code becomes AVX-512, AVX2 or SSE2 instructions, and nothing else of the program is
// compiled for them. For the kernels' own files only.

#include <cmath>
#include <cstdint>
#include <cstring>

#include "worker/embed/encoder/kernels/kernels.h"

#define FORKDEX_INLINE [[gnu::always_inline]] inline

namespace forkdex::kernels {

// What a generation works with: its vectors, how many rows of two vectors fit its registers, and
// whether it rounds to Bf16 by itself.
struct Portable {
  using Vec = float __attribute__((vector_size(16)));
  using IntVec = std::int32_t __attribute__((vector_size(16)));
  using HalfVec = std::uint16_t __attribute__((vector_size(8)));
  static constexpr std::size_t kRows = 4;
  static constexpr bool kRoundsToBf16 = false;
};
struct Avx2 {
  using Vec = float __attribute__((vector_size(32)));
  using IntVec = std::int32_t __attribute__((vector_size(32)));
  using HalfVec = std::uint16_t __attribute__((vector_size(16)));
  static constexpr std::size_t kRows = 6;
  static constexpr bool kRoundsToBf16 = false;
};
struct Avx512 {
  using Vec = float __attribute__((vector_size(64)));
  using IntVec = std::int32_t __attribute__((vector_size(64)));
  using HalfVec = std::uint16_t __attribute__((vector_size(32)));
  static constexpr std::size_t kRows = 8;
  static constexpr bool kRoundsToBf16 = false;
};
struct Avx512Bf16 : Avx512 {
  static constexpr bool kRoundsToBf16 = true;
};

#define FORKDEX_TARGET_PORTABLE
#define FORKDEX_TARGET_AVX2 __attribute__((target("avx2,fma")))
#define FORKDEX_TARGET_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#define FORKDEX_TARGET_AVX512_BF16 \
  __attribute__((target("avx512bf16,avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))

template <class Processor>
struct Generation {
  using Vec = typename Processor::Vec;
  using IntVec = typename Processor::IntVec;
  using HalfVec = typename Processor::HalfVec;
  static constexpr std::size_t kWidth = sizeof(Vec) / sizeof(float);

  FORKDEX_INLINE static Vec as_floats(IntVec bits) {
    Vec v;
    std::memcpy(&v, &bits, sizeof v);
    return v;
  }
  FORKDEX_INLINE static IntVec as_bits(Vec v) {
    IntVec bits;
    std::memcpy(&bits, &v, sizeof bits);
    return bits;
  }

  FORKDEX_INLINE static Vec load(const float* from) {
    Vec v;
    std::memcpy(&v, from, sizeof v);
    return v;
  }
  FORKDEX_INLINE static Vec load(const Bf16* from) {
    if constexpr (sizeof(IntVec) == 64) {  // GCC makes five instructions of what is one
      IntVec wide;
      asm("vpmovzxwd %1, %0" : "=v"(wide) : "m"(*reinterpret_cast<const char(*)[32]>(from)));
      return as_floats(wide << 16);
    }
    HalfVec half;
    std::memcpy(&half, from, sizeof half);
    return as_floats(__builtin_convertvector(half, IntVec) << 16);
  }

  // 0, 1, 2 and so on. Loaded: GCC puts such a vector together element by element.
  FORKDEX_INLINE static IntVec places() {
    static constexpr std::int32_t kPlaces[] = {0, 1, 2,  3,  4,  5,  6,  7,
                                               8, 9, 10, 11, 12, 13, 14, 15};
    IntVec v;
    std::memcpy(&v, kPlaces, sizeof v);
    return v;
  }

  // `v` with -infinity from element `count` on.
  FORKDEX_INLINE static Vec cut(Vec v, std::size_t count) {
    return places() < static_cast<std::int32_t>(count) ? v : Vec{} - INFINITY;
  }

  FORKDEX_INLINE static void store(const Vec& v, float* to) { std::memcpy(to, &v, sizeof v); }
  // Rounded to the nearest, to even in the middle.
  FORKDEX_INLINE static void store(const Vec& v, Bf16* to) {
    HalfVec half;
    if constexpr (Processor::kRoundsToBf16) {
      // The intrinsic can't be named in code that is compiled for other generations as well.
      asm("vcvtneps2bf16 %1, %0" : "=v"(half) : "v"(v));
    } else {
      IntVec bits = as_bits(v);
      bits += 0x7fff + ((bits >> 16) & 1);
      half = __builtin_convertvector(bits >> 16, HalfVec);
    }
    std::memcpy(to, &half, sizeof half);
  }

  // Element i of the result is element i ^ distance of `v`.
  FORKDEX_INLINE static Vec exchange(Vec v, std::int32_t distance) {
#if defined(__clang__)  // clang-tidy, that is; clang shuffles by constant places alone
    Vec exchanged = v;
    for (std::size_t i = 0; i < kWidth; ++i)
      exchanged[i] = v[i ^ static_cast<std::size_t>(distance)];
    return exchanged;
#else
    return __builtin_shuffle(v, places() ^ distance);
#endif
  }

  FORKDEX_INLINE static float sum(Vec v) {
#pragma GCC unroll 4
    for (std::int32_t distance = kWidth / 2; distance > 0; distance /= 2)
      v += exchange(v, distance);
    return v[0];
  }

  FORKDEX_INLINE static Vec larger(Vec a, Vec b) { return a > b ? a : b; }
  FORKDEX_INLINE static Vec smaller(Vec a, Vec b) { return a < b ? a : b; }

  FORKDEX_INLINE static float largest(Vec v) {
#pragma GCC unroll 4
    for (std::int32_t distance = kWidth / 2; distance > 0; distance /= 2)
      v = larger(v, exchange(v, distance));
    return v[0];
  }

  // Takes `slope` for every token between the query at `place` and each of `count` keys, the first
  // of them at `first`, off their scores; those of keys more than `window` away become -infinity.
  // `count` is a multiple of the width.
  FORKDEX_INLINE static void see_from(std::size_t place, std::size_t first, std::size_t count,
                                      float slope, std::size_t window, float* scores) {
    if (slope == 0.0f && window == 0) return;
    const float farthest = window == 0 ? INFINITY : static_cast<float>(window);
    Vec offset = __builtin_convertvector(places(), Vec);
    offset += static_cast<float>(first) - static_cast<float>(place);
    for (std::size_t i = 0; i < count; i += kWidth, offset += static_cast<float>(kWidth)) {
      const Vec distance = larger(offset, -offset);
      const Vec score = load(scores + i) - distance * slope;
      store(distance > farthest ? Vec{} - INFINITY : score, scores + i);
    }
  }

  // 2^x for x <= 0, to 1e-7 of its value; x below -100 counts as -100, so that a share of it is not
  // so small that a processor computes it a hundred times slower. A minimax polynomial over the
  // fraction, whose exponent then grows by the whole part.
  FORKDEX_INLINE static Vec power_of_two(Vec x) {
    constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: what is added to it loses its fraction
    x = larger(x, Vec{} - 100.0f);
    const Vec shifted = x + kRound;
    const Vec r = x - (shifted - kRound);
    Vec series = r * 0.0013276461f + 0.009675541f;
    series = series * r + 0.055507135f;
    series = series * r + 0.2402212f;
    series = series * r + 0.69314694f;
    series = series * r + 1.0f;
    return as_floats(as_bits(series) + (as_bits(shifted) << 23));
  }

  // Φ(x) - 1/2 is odd: x times a minimax polynomial in x², which ends where Φ is 1 to 1e-5.
  FORKDEX_INLINE static Vec gelu(Vec x) {
    constexpr float kEnd = 4.25f;
    const Vec bound = larger(smaller(x, Vec{} + kEnd), Vec{} - kEnd);
    const Vec square = bound * bound;
    Vec series = square * 4.546929e-11f - 4.5151918e-09f;
    series = series * square + 1.986123e-07f;
    series = series * square - 5.147452e-06f;
    series = series * square + 8.848854e-05f;
    series = series * square - 0.0010790746f;
    series = series * square + 0.009718769f;
    series = series * square - 0.066190265f;
    series = series * square + 0.3988192f;
    return x * (series * bound + 0.5f);
  }

  FORKDEX_INLINE static Vec silu(Vec x) {
    // x / (1 + e^-x), with a power of 2 that is none of a positive number.
    constexpr float kLog2e = 1.44269504088896341f;
    const Vec power = power_of_two((x < 0.0f ? x : -x) * kLog2e);
    const Vec one = Vec{} + 1.0f;
    return x * ((x < 0.0f ? power : one) / (one + power));
  }

  // Calls `use` with the activation as a function: the choice is made outside of its loop.
  template <class Use>
  FORKDEX_INLINE static void with_activation(Activation activation, Use use) {
    if (activation == Activation::kGelu)
      use([] [[gnu::always_inline]] (Vec x) { return gelu(x); });
    else
      use([] [[gnu::always_inline]] (Vec x) { return silu(x); });
  }
};

}  // namespace forkdex::kernels
