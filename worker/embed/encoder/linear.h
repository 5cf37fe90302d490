#pragma once

// Linear layers on plain (unpacked) weights, by oneDNN where libtorch has it. Includes torch.

#include <ATen/core/Tensor.h>

namespace forkdex {

/// x · weightᵀ + bias, all three of one type; an undefined bias is none.
at::Tensor apply_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

/// gelu(x · weightᵀ + bias), the exact form with erf.
at::Tensor apply_linear_gelu(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

}  // namespace forkdex
