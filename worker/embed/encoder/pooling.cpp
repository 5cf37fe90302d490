#include "worker/embed/encoder/pooling.h"

#include <algorithm>
#include <cmath>

namespace forkdex {
namespace {

void mean(std::span<const float> rows, std::span<float> vector) {
  std::fill(vector.begin(), vector.end(), 0.0f);
  for (std::size_t start = 0; start < rows.size(); start += vector.size())
    for (std::size_t i = 0; i < vector.size(); ++i) vector[i] += rows[start + i];
  const auto count = static_cast<float>(rows.size() / vector.size());
  for (float& value : vector) value /= count;
}

}  // namespace

std::optional<Pooling> pooling_from_name(std::string_view name) {
  if (name == "mean") return Pooling::kMean;
  if (name == "cls") return Pooling::kCls;
  if (name == "last") return Pooling::kLast;
  return std::nullopt;
}

void pool(std::span<const float> rows, Pooling pooling, std::span<float> vector) {
  if (pooling == Pooling::kMean) return mean(rows, vector);
  const auto row = pooling == Pooling::kCls ? rows.first(vector.size()) : rows.last(vector.size());
  std::copy(row.begin(), row.end(), vector.begin());
}

void standardize(std::span<float> vector) {
  constexpr double kEpsilon = 1e-5;
  double sum = 0;
  for (const float value : vector) sum += double{value};
  const double mean = sum / static_cast<double>(vector.size());
  double squares = 0;
  for (const float value : vector) squares += (double{value} - mean) * (double{value} - mean);
  const double scale = 1 / std::sqrt(squares / static_cast<double>(vector.size()) + kEpsilon);
  for (float& value : vector) value = static_cast<float>((double{value} - mean) * scale);
}

void normalize(std::span<float> vector) {
  double squares = 0;
  for (const float value : vector) squares += double{value} * double{value};
  if (squares == 0) return;
  const auto scale = static_cast<float>(1.0 / std::sqrt(squares));
  for (float& value : vector) value *= scale;
}

}  // namespace forkdex
