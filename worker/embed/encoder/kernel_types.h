#pragma once

// Tensors as the kernels see them. Includes torch: for this library's own files only.

#include <type_traits>

#include <ATen/core/Tensor.h>

#include "worker/embed/encoder/kernels/kernels.h"

namespace forkdex {

/// torch's type for a kernel's.
template <class T>
using TorchType = std::conditional_t<std::is_same_v<T, float>, float, at::BFloat16>;

template <class T>
T* values_of(at::Tensor& tensor) {
  return reinterpret_cast<T*>(tensor.mutable_data_ptr<TorchType<T>>());
}

template <class T>
const T* values_of(const at::Tensor& tensor) {
  return reinterpret_cast<const T*>(tensor.const_data_ptr<TorchType<T>>());
}

/// Returns a view of a tensor of two dimensions, whose columns are adjacent.
template <class T>
kernels::MatrixView<T> view_of(at::Tensor& tensor) {
  return {values_of<T>(tensor), static_cast<std::size_t>(tensor.size(0)),
          static_cast<std::size_t>(tensor.size(1)), static_cast<std::size_t>(tensor.stride(0))};
}

template <class T>
kernels::MatrixView<const T> view_of(const at::Tensor& tensor) {
  return {values_of<T>(tensor), static_cast<std::size_t>(tensor.size(0)),
          static_cast<std::size_t>(tensor.size(1)), static_cast<std::size_t>(tensor.stride(0))};
}

/// Calls `function` with a value of the kernels' type for a tensor's, which is kFloat or kBFloat16.
template <class Function>
auto with_kernel_type(at::ScalarType type, Function function) {
  return type == at::kFloat ? function(float{}) : function(kernels::Bf16{});
}

}  // namespace forkdex
