#include "worker/embed/encoder/weights.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <ATen/ops/cat.h>
#include <ATen/ops/chunk.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <nlohmann/json.hpp>

#include "common/base/io.h"
#include "common/base/unique_fd.h"
#include "worker/embed/encoder/kernel_types.h"

namespace forkdex {
namespace {
namespace fs = std::filesystem;

/// Says which tensor can't be used and why.
Error unusable(const std::string& tensor, const std::string& why) {
  return {ErrorCode::kModelUnusable, "this model's weights can't be used",
          "tensor " + tensor + " " + why};
}

constexpr std::size_t kAlignment = 64;  // of the data in a prepared file: a cache line

std::string describe(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const std::int64_t size : shape) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(size);
  }
  return text + "]";
}

std::optional<at::ScalarType> scalar_type(const std::string& dtype) {
  if (dtype == "F32") return at::kFloat;
  if (dtype == "F16") return at::kHalf;
  if (dtype == "BF16") return at::kBFloat16;
  return std::nullopt;
}

at::Tensor view(const Safetensors::Tensor& found, at::ScalarType type) {
  void* const data = const_cast<std::byte*>(found.bytes.data());  // torch has no const view
  return at::from_blob(data, found.shape, at::TensorOptions(type));
}

Result<at::Tensor> read_part(const Safetensors& source, const std::string& name,
                             const std::vector<std::int64_t>& shape) {
  const Safetensors::Tensor* found = source.find(name);
  if (!found) return unusable(name, "is missing");
  if (found->shape != shape)
    return unusable(name,
                    "has the shape " + describe(found->shape) + " instead of " + describe(shape));
  const auto type = scalar_type(found->dtype);
  if (!type) return unusable(name, "has the type " + found->dtype + ", which is not supported");
  return view(*found, *type);
}

at::ScalarType type_of(const Parameter& parameter, at::ScalarType precision) {
  return parameter.form == Parameter::Form::kFp32 ? at::kFloat : precision;
}

/// The outputs of a gated layer by pairs of panels (kernels::PackedLinear::is_gated).
at::Tensor interleave(const at::Tensor& halves, kernels::Gate gate) {
  constexpr std::int64_t kPanel = kernels::kPanel;
  std::vector<at::Tensor> both = halves.chunk(2, 0);
  if (gate == kernels::Gate::kSecond) std::swap(both[0], both[1]);
  std::vector<at::Tensor> panels;
  for (std::int64_t start = 0; start < both[0].size(0); start += kPanel)
    for (const at::Tensor& half : both) panels.push_back(half.narrow(0, start, kPanel));
  return at::cat(panels, 0);
}

at::Tensor packed(const at::Tensor& weights) {
  at::Tensor ordered = at::empty_like(weights);
  const auto outputs = static_cast<std::size_t>(weights.size(0));
  const auto inputs = static_cast<std::size_t>(weights.size(1));
  with_kernel_type(weights.scalar_type(), [&](auto type) {
    using T = decltype(type);
    kernels::pack(values_of<T>(weights), outputs, inputs, values_of<T>(ordered));
  });
  return ordered;
}

at::Tensor prepare(const Parameter& parameter, const std::vector<at::Tensor>& parts,
                   at::ScalarType precision) {
  at::Tensor whole = parts.size() == 1 ? parts.front() : at::cat(parts, 0);
  if (parameter.gate) whole = interleave(whole, *parameter.gate);
  whole = whole.to(type_of(parameter, precision), /*non_blocking=*/false, /*copy=*/true);
  return parameter.form == Parameter::Form::kPacked ? packed(whole) : whole;
}

std::string_view bytes_of(const at::Tensor& tensor) {
  return {static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()};
}

/// A safetensors header for `tensors` in this order, with its length before it.
std::string header_of(const std::map<std::string, at::Tensor, std::less<>>& tensors) {
  nlohmann::json header = nlohmann::json::object();
  std::size_t begin = 0;
  for (const auto& [name, tensor] : tensors) {
    const std::size_t end = begin + tensor.nbytes();
    header[name] = {
        {"dtype", tensor.scalar_type() == at::kFloat ? "F32" : "BF16"},
        {"shape", std::vector<std::int64_t>(tensor.sizes().begin(), tensor.sizes().end())},
        {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = header.dump();
  std::uint64_t length = text.size();
  length += (kAlignment - (length + sizeof length) % kAlignment) % kAlignment;
  text.resize(length, ' ');
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes + text;
}

/// Under another name first: whoever finds the file finds all of it. False where that can't be
/// done.
bool write_file(const fs::path& file,
                const std::map<std::string, at::Tensor, std::less<>>& tensors) {
  std::error_code ignored;
  fs::create_directories(file.parent_path(), ignored);
  const fs::path temporary = file.string() + "." + std::to_string(::getpid());
  const UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd.valid()) return false;
  bool written = write_all(fd.get(), header_of(tensors));
  for (const auto& [name, tensor] : tensors)
    written = written && write_all(fd.get(), bytes_of(tensor));
  if (written && ::fsync(fd.get()) == 0 && ::rename(temporary.c_str(), file.c_str()) == 0)
    return true;
  fs::remove(temporary, ignored);
  return false;
}

}  // namespace

Result<Weights> Weights::open(const Safetensors& source, std::span<const Parameter> parameters,
                              at::ScalarType precision, const fs::path& prepared) {
  Weights weights;
  std::map<std::string, std::vector<at::Tensor>> parts;
  for (const Parameter& parameter : parameters)
    for (const std::string& part : parameter.parts) {
      auto found = read_part(source, part, parameter.shape);
      if (!found) return found.error();
      parts[parameter.name].push_back(*std::move(found));
    }
  if (weights.map(parameters, precision, prepared)) return weights;
  for (const Parameter& parameter : parameters)
    weights.tensors_[parameter.name] = prepare(parameter, parts[parameter.name], precision);
  if (!prepared.empty() && write_file(prepared, weights.tensors_))
    weights.map(parameters, precision, prepared);
  return weights;
}

/// Takes every parameter out of the prepared file. False, and nothing changed, where it is missing
/// or not what it should be.
bool Weights::map(std::span<const Parameter> parameters, at::ScalarType precision,
                  const fs::path& prepared) {
  if (prepared.empty()) return false;
  auto file = Safetensors::open(prepared);
  if (!file) return false;
  std::map<std::string, at::Tensor, std::less<>> tensors;
  for (const Parameter& parameter : parameters) {
    const Safetensors::Tensor* found = file->find(parameter.name);
    std::vector<std::int64_t> shape = parameter.shape;
    shape.front() *= static_cast<std::int64_t>(parameter.parts.size());
    const at::ScalarType type = type_of(parameter, precision);
    if (!found || found->shape != shape || scalar_type(found->dtype) != type) return false;
    tensors[parameter.name] = view(*found, type);
  }
  file_ = *std::move(file);
  tensors_ = std::move(tensors);
  return true;
}

at::Tensor Weights::tensor(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? at::Tensor() : found->second;
}

void Weights::fault_in() const {
  if (file_) file_->fault_in();
}

}  // namespace forkdex
