#include <algorithm>
#include <cstring>

#include "worker/embed/encoder/kernels/generations.h"

namespace forkdex::kernels {

// As a kernel goes through them: turn after turn; of it, block after block of inputs; of them, its
// two panels; of a panel, input after input.
void pack(const float* weights, std::size_t outputs, std::size_t inputs, float* packed) {
  for (std::size_t turn = 0; turn < outputs; turn += kTurn)
    for (std::size_t start = 0; start < inputs; start += kDepthBlock)
      for (std::size_t panel = turn; panel < turn + kTurn; panel += kPanel)
        for (std::size_t input = start; input < std::min(inputs, start + kDepthBlock); ++input)
          for (std::size_t output = panel; output < panel + kPanel; ++output)
            *packed++ = weights[output * inputs + input];
}

// 32 outputs after 32 outputs; of them, 32 inputs after 32 inputs; of these, two tiles of 16 pairs
// of inputs x 16 outputs: what an AMX kernel loads one after the other.
void pack(const Bf16* weights, std::size_t outputs, std::size_t inputs, Bf16* packed) {
  for (std::size_t turn = 0; turn < outputs; turn += kTurn)
    for (std::size_t input = 0; input < inputs; input += 32)
      for (std::size_t first = turn; first < turn + kTurn; first += kPanel)
        for (std::size_t pair = 0; pair < 16; ++pair)
          for (std::size_t output = first; output < first + kPanel; ++output, packed += 2)
            std::memcpy(packed, weights + output * inputs + input + 2 * pair, 2 * sizeof(Bf16));
}

}  // namespace forkdex::kernels
