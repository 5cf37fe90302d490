#include <cstring>

#include "worker/embed/encoder/kernels/kernels.h"

namespace forkdex::kernels {

// 32 outputs after 32 outputs; of them, 32 inputs after 32 inputs; of these, two tiles of 16 pairs
// of inputs x 16 outputs: what an AMX kernel loads one after the other.
void pack_tiles(const Bf16* weights, std::size_t outputs, std::size_t inputs, Bf16* tiles) {
  for (std::size_t panel = 0; panel < outputs; panel += 32)
    for (std::size_t input = 0; input < inputs; input += 32)
      for (std::size_t first = panel; first < panel + 32; first += 16)
        for (std::size_t pair = 0; pair < 16; ++pair)
          for (std::size_t output = first; output < first + 16; ++output, tiles += 2)
            std::memcpy(tiles, weights + output * inputs + input + 2 * pair, 2 * sizeof(Bf16));
}

}  // namespace forkdex::kernels
