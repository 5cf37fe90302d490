#include "common/precision.h"

namespace forkdex {

Precision resolved(Precision wanted) {
  if (wanted != Precision::kAuto) return wanted;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bf16")) return Precision::kBf16;
#endif
  return Precision::kFp32;
}

std::string_view name_of(Precision precision) {
  switch (precision) {
    case Precision::kFp32:
      return "fp32";
    case Precision::kBf16:
      return "bf16";
    case Precision::kAuto:
      break;
  }
  return "auto";
}

}  // namespace forkdex
