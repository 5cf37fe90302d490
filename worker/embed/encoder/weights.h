#pragma once

// A model's weights as the encoder computes with them: matrices in its precision, tensors that are
// used together side by side. They are made out of the model's own file once, kept in a file of
// ours and mapped read-only from there by every process. Includes torch: for this library's own
// files only.
//
// Killed while it writes that file, a process leaves a temporary one beside it, which nothing
// reads.

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>

#include <ATen/core/Tensor.h>

#include "common/error/result.h"
#include "worker/embed/encoder/parameters.h"
#include "worker/embed/encoder/safetensors.h"

namespace forkdex {

class Weights {
 public:
  /// `precision` is kFloat or kBFloat16. Maps `prepared`, or makes the parameters out of `source`
  /// and writes them there first. Where `prepared` is empty or can't be written, they stand in this
  /// process's own memory. What `source` holds is checked in any case. ERRORS kModelUnusable,
  /// naming the tensor that is missing or has the wrong type or shape. Throws c10::Error.
  static Result<Weights> open(const Safetensors& source, std::span<const Parameter> parameters,
                              at::ScalarType precision, const std::filesystem::path& prepared);

  /// The parameter called `name`; undefined where the model has none.
  at::Tensor tensor(std::string_view name) const;

  /// As Safetensors::fault_in, where a file is mapped.
  void fault_in() const;

 private:
  bool map(std::span<const Parameter> parameters, at::ScalarType precision,
           const std::filesystem::path& prepared);

  std::optional<Safetensors> file_;
  std::map<std::string, at::Tensor, std::less<>> tensors_;  // views of the file, or own memory
};

}  // namespace forkdex
