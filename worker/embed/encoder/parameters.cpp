#include "worker/embed/encoder/parameters.h"

#include <utility>

namespace forkdex {

void ParameterList::table(std::string_view name, const std::string& tensor, std::int64_t rows) {
  add(std::string(name), {tensor}, {rows, config_.hidden});
}

void ParameterList::norm(const std::string& name, const std::string& tensor) {
  const auto part = [&](const char* now, const char* once) {
    return Names{tensor + (has_old_norms_ ? once : now)};
  };
  add(name + ".weight", part(".weight", ".gamma"), {config_.hidden}, Parameter::Form::kFp32);
  if (config_.has_norm_bias)
    add(name + ".bias", part(".bias", ".beta"), {config_.hidden}, Parameter::Form::kFp32);
}

void ParameterList::linear(const std::string& name, const Names& tensors, std::int64_t outputs,
                           std::int64_t inputs, bool has_bias, std::optional<kernels::Gate> gate) {
  Names weights, biases;
  for (const std::string& tensor : tensors) weights.push_back(tensor + ".weight");
  for (const std::string& tensor : tensors) biases.push_back(tensor + ".bias");
  const auto all_outputs = outputs * static_cast<std::int64_t>(tensors.size());
  constexpr std::int64_t kMultiple = kernels::kPanelPair;
  if (is_packed_ && all_outputs % kMultiple == 0 && inputs % kMultiple == 0) {
    add(name + ".packed", weights, {outputs, inputs}, Parameter::Form::kPacked, gate);
    if (has_bias) add(name + ".bias", biases, {outputs}, Parameter::Form::kFp32, gate);
  } else {
    add(name + ".weight", weights, {outputs, inputs});
    if (has_bias) add(name + ".bias", biases, {outputs});
  }
}

void ParameterList::add(std::string name, Names parts, std::vector<std::int64_t> shape,
                        Parameter::Form form, std::optional<kernels::Gate> gate) {
  for (std::string& part : parts) part = prefix_ + part;
  all_.push_back({std::move(name), std::move(parts), std::move(shape), form, gate});
}

}  // namespace forkdex
