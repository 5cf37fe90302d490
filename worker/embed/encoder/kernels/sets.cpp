// Which kernels there are, and which of them this processor runs.

#include <algorithm>
#include <iterator>

#include "worker/embed/encoder/kernels/generations.h"

namespace forkdex::kernels {
namespace {

bool runs_anywhere() { return true; }
#if defined(__x86_64__)
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
bool has_avx512_bf16() { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }
bool has_amx() { return has_avx512_bf16() && may_use_amx(); }
#endif

#define FORKDEX_FUNCTIONS(attend, generation, linear, row_multiple)                          \
  {attend,      add_layer_norm_##generation, rotate_##generation, gate_##generation, linear, \
   row_multiple}
#define FORKDEX_SET(generation, is_supported, linear)                                        \
  {#generation, is_supported, FORKDEX_FUNCTIONS(attend_##generation, generation, linear, 1), \
   FORKDEX_FUNCTIONS(attend_##generation, generation, nullptr, 1), gelu_##generation}

constexpr Set kSets[] = {
#if defined(__x86_64__)
    {"amx", has_amx, FORKDEX_FUNCTIONS(attend_avx512_bf16, avx512_bf16, nullptr, 1),
     FORKDEX_FUNCTIONS(attend_amx, avx512_bf16, linear_amx, kAmxRows), gelu_avx512_bf16},
    FORKDEX_SET(avx512_bf16, has_avx512_bf16, nullptr),
    FORKDEX_SET(avx512, has_avx512, nullptr),
    FORKDEX_SET(avx2, has_avx2, linear_avx2),
#endif
    FORKDEX_SET(portable, runs_anywhere, nullptr),
};

}  // namespace

std::span<const Set> all() { return kSets; }

const Set& best() {
  static const Set& chosen = *std::find_if(std::begin(kSets), std::end(kSets),
                                           [](const Set& s) { return s.is_supported(); });
  return chosen;
}

}  // namespace forkdex::kernels
