// Linear layers in fp32 by vectors, on weights that lie in panels of 16 outputs.

#if defined(__x86_64__)

#include <algorithm>

#include "worker/embed/encoder/kernels/generations.h"
#include "worker/embed/encoder/kernels/products.h"

namespace forkdex::kernels {
namespace {

constexpr std::size_t kRowBlock = 96;  // rows that pass a panel while it is in the cache

template <class Processor>
struct LinearKernel : Products<Processor> {
  using Base = Products<Processor>;
  using Base::kRows;
  using Base::kWidth;
  using Base::load;
  using Base::store;
  using typename Base::Vec;

  static constexpr std::size_t kVectors = kPanel / kWidth;

  // sums = x · a panel's block of `depth` inputs, or that is added to them; rows of sums lie
  // kPanelPair apart. Each tile of rows brings a part of the weights behind the block nearer: they
  // are used next.
  template <Into into>
  FORKDEX_INLINE static void multiply_block(const float* x, std::size_t inputs, std::size_t rows,
                                            const float* block, std::size_t depth, const float* end,
                                            float* sums) {
    const float* next = block + depth * kPanel;
    const std::size_t share = (depth * kRows + kRowBlock - 1) / kRowBlock;  // inputs
    for (; rows >= kRows; rows -= kRows, x += kRows * inputs, sums += kRows * kPanelPair) {
      for (std::size_t i = 0; i < share && next < end; ++i, next += kPanel)
        __builtin_prefetch(next, 0, 2);
      Base::template multiply_tile<kRows, kVectors, into>(x, inputs, block, kPanel, depth, sums,
                                                          kPanelPair);
    }
    Base::template multiply_column<kRows / 2, kVectors, into>(x, inputs, block, kPanel, rows, depth,
                                                              sums, kPanelPair);
  }

  // sums[rows][kPanelPair] = x · a pair of panels; `end` is that of the layer's weights.
  FORKDEX_INLINE static void multiply_pair(const float* x, std::size_t inputs, std::size_t rows,
                                           const float* block, const float* end, float* sums) {
    for (std::size_t start = 0; start < inputs; start += kDepthBlock) {
      const std::size_t depth = std::min(kDepthBlock, inputs - start);
      for (std::size_t p = 0; p < kPanelPair; p += kPanel, block += depth * kPanel)
        if (start == 0)
          multiply_block<Into::kReplace>(x, inputs, rows, block, depth, end, sums + p);
        else
          multiply_block<Into::kAdd>(x + start, inputs, rows, block, depth, end, sums + p);
    }
  }

  FORKDEX_INLINE static Vec activate(Activation activation, Vec v) {
    return activation == Activation::kGelu ? Base::gelu(v) : Base::silu(v);
  }

  // Bias and what follows it, of one row's outputs of a pair.
  FORKDEX_INLINE static void finish(const PackedLinear<float>& layer, const float* sums,
                                    const float* bias, float* out) {
    const auto value = [&] [[gnu::always_inline]] (std::size_t i) {
      return load(sums + i) + load(bias + i);
    };
    if (layer.is_gated)
      for (std::size_t i = 0; i < kPanel; i += kWidth)
        store(activate(*layer.activation, value(i)) * value(kPanel + i), out + i);
    else if (layer.activation)
      for (std::size_t i = 0; i < kPanelPair; i += kWidth)
        store(activate(*layer.activation, value(i)), out + i);
    else
      for (std::size_t i = 0; i < kPanelPair; i += kWidth) store(value(i), out + i);
  }

  FORKDEX_INLINE static void linear(const PackedLinear<float>& layer, const float* x,
                                    std::size_t rows, float* out) {
    alignas(64) float sums[kRowBlock * kPanelPair];
    const std::size_t made = layer.is_gated ? kPanel : kPanelPair;  // of a pair, in the result
    const std::size_t width = layer.outputs / kPanelPair * made;
    for (std::size_t start = 0; start < rows; start += kRowBlock) {
      const std::size_t count = std::min(kRowBlock, rows - start);
      for (std::size_t first = 0; first < layer.outputs; first += kPanelPair) {
        multiply_pair(x + start * layer.inputs, layer.inputs, count,
                      layer.weights + first * layer.inputs,
                      layer.weights + layer.outputs * layer.inputs, sums);
        float* const column = out + start * width + first / kPanelPair * made;
        for (std::size_t r = 0; r < count; ++r)
          finish(layer, sums + r * kPanelPair, layer.bias + first, column + r * width);
      }
    }
  }
};

}  // namespace

FORKDEX_TARGET_AVX2 void linear_avx2(const PackedLinear<float>& layer, const float* x,
                                     std::size_t rows, float* out) {
  LinearKernel<Avx2>::linear(layer, x, rows, out);
}

}  // namespace forkdex::kernels

#endif
