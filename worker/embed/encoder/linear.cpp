#include "worker/embed/encoder/linear.h"

#include <optional>
#include <string_view>

#include <ATen/core/List.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>

namespace forkdex {
namespace {

using LinearPointwise = at::Tensor(const at::Tensor&, const at::Tensor&,
                                   const std::optional<at::Tensor>&, std::string_view,
                                   c10::List<std::optional<at::Scalar>>,
                                   std::optional<std::string_view>);

// The operator has no C++ header: it is looked up by name, once. Absent where libtorch was built
// without oneDNN.
const std::optional<c10::TypedOperatorHandle<LinearPointwise>>& linear_pointwise() {
  static const auto kOperator = [] {
    const auto found = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
    return found ? std::optional(found->typed<LinearPointwise>()) : std::nullopt;
  }();
  return kOperator;
}

std::optional<at::Tensor> optional(const at::Tensor& tensor) {
  return tensor.defined() ? std::optional<at::Tensor>(tensor) : std::nullopt;
}

at::Tensor apply(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                 std::string_view activation) {
  return linear_pointwise()->call(x, weight, optional(bias), activation,
                                  c10::List<std::optional<at::Scalar>>(), "none");
}

// oneDNN refuses BF16 on processors without this much AVX-512.
bool has_operator_for(const at::Tensor& x) {
#if defined(__x86_64__)
  static const bool kTakesBf16 = __builtin_cpu_supports("avx512bw") &&
                                 __builtin_cpu_supports("avx512vl") &&
                                 __builtin_cpu_supports("avx512dq");
#else
  static const bool kTakesBf16 = false;
#endif
  return linear_pointwise() && (kTakesBf16 || x.scalar_type() != at::kBFloat16);
}

}  // namespace

at::Tensor apply_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return has_operator_for(x) ? apply(x, weight, bias, "none")
                             : at::linear(x, weight, optional(bias));
}

at::Tensor apply_linear_gelu(const at::Tensor& x, const at::Tensor& weight,
                             const at::Tensor& bias) {
  return has_operator_for(x) ? apply(x, weight, bias, "gelu")
                             : at::gelu(at::linear(x, weight, optional(bias)));
}

}  // namespace forkdex
