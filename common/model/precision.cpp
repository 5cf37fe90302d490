#include "common/model/precision.h"

namespace forkdex {

Precision resolved(Precision wanted) {
  if (wanted != Precision::kAuto) return wanted;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bf16")) return Precision::kBf16;
#endif
  return Precision::kFp32;
}

}  // namespace forkdex
