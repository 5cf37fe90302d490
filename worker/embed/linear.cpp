#include "worker/embed/linear.h"

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

at::Tensor apply(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                 std::string_view activation) {
  return linear_pointwise()->call(x, weight, bias, activation,
                                  c10::List<std::optional<at::Scalar>>(), "none");
}

}  // namespace

at::Tensor apply_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return linear_pointwise() ? apply(x, weight, bias, "none") : at::linear(x, weight, bias);
}

at::Tensor apply_linear_gelu(const at::Tensor& x, const at::Tensor& weight,
                             const at::Tensor& bias) {
  return linear_pointwise() ? apply(x, weight, bias, "gelu")
                            : at::gelu(at::linear(x, weight, bias));
}

}  // namespace forkdex
