#pragma once

// From a vector a token to one vector a text.

#include <optional>
#include <span>
#include <string_view>

namespace forkdex {

enum class Pooling { kMean, kCls, kLast };

/// "mean", "cls" or "last".
std::optional<Pooling> pooling_from_name(std::string_view name);

/// Writes one vector for a text's token vectors `rows` (row-major, vector.size() a row, at least
/// one row).
void pool(std::span<const float> rows, Pooling pooling, std::span<float> vector);

/// LayerNorm without scale and shift: mean 0 and variance 1 over the values of `vector`.
void standardize(std::span<float> vector);

/// Scales `vector` to length 1; the zero vector stays as it is.
void normalize(std::span<float> vector);

}  // namespace forkdex
