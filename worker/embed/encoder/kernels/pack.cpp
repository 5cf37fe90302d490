#include <algorithm>
#include <cstring>

#include "worker/embed/encoder/kernels/generations.h"

namespace forkdex::kernels {

// [pairs of panels][blocks of kDepthBlock inputs][2 panels][inputs of the block][16 outputs]: as
// the kernel goes through them.
void pack(const float* weights, std::size_t outputs, std::size_t inputs, float* packed) {
  for (std::size_t first_of_pair = 0; first_of_pair < outputs; first_of_pair += kPanelPair)
    for (std::size_t start = 0; start < inputs; start += kDepthBlock)
      for (std::size_t panel = first_of_pair; panel < first_of_pair + kPanelPair; panel += kPanel)
        for (std::size_t input = start; input < std::min(inputs, start + kDepthBlock); ++input)
          for (std::size_t output = panel; output < panel + kPanel; ++output)
            *packed++ = weights[output * inputs + input];
}

// [pairs of panels][blocks of 32 inputs][2 panels][16 pairs of inputs][16 outputs][2 inputs]: a
// panel's part of a block is the tile that the AMX kernel loads.
void pack(const Bf16* weights, std::size_t outputs, std::size_t inputs, Bf16* packed) {
  for (std::size_t first_of_pair = 0; first_of_pair < outputs; first_of_pair += kPanelPair)
    for (std::size_t input = 0; input < inputs; input += 32)
      for (std::size_t first = first_of_pair; first < first_of_pair + kPanelPair; first += kPanel)
        for (std::size_t pair = 0; pair < 16; ++pair)
          for (std::size_t output = first; output < first + kPanel; ++output, packed += 2)
            std::memcpy(packed, weights + output * inputs + input + 2 * pair, 2 * sizeof(Bf16));
}

}  // namespace forkdex::kernels
