#include "worker/embed/kernels.h"

#include <cmath>
#include <iostream>
#include <numeric>
#include <random>
#include <vector>

#include <catch2/catch.hpp>

namespace forkdex {
namespace {

using kernels::AttentionInput;

// Buffers are exactly as large as their contents, so that a sanitizer sees a read past the end.
std::vector<float> random_values(std::mt19937& random, std::size_t count) {
  std::normal_distribution<float> normal(0.0f, 2.0f);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// The definition, in double.
std::vector<float> attention_by_definition(const AttentionInput& in,
                                           const std::vector<std::size_t>& lengths) {
  const std::size_t row = in.heads * in.head_size;
  std::vector<float> out(std::accumulate(lengths.begin(), lengths.end(), std::size_t{0}) * row);
  std::size_t first = 0;
  for (const std::size_t length : lengths) {
    for (std::size_t i = first; i < first + length; ++i)
      for (std::size_t column = 0; column < row; column += in.head_size) {
        std::vector<double> weights;
        for (std::size_t j = first; j < first + length; ++j) {
          double score = 0;
          for (std::size_t d = column; d < column + in.head_size; ++d)
            score += double{in.query[i * row + d]} * double{in.key[j * row + d]};
          weights.push_back(std::exp(score / std::sqrt(static_cast<double>(in.head_size))));
        }
        const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
        for (std::size_t d = column; d < column + in.head_size; ++d) {
          double value = 0;
          for (std::size_t j = 0; j < length; ++j)
            value += weights[j] / total * double{in.value[(first + j) * row + d]};
          out[i * row + d] = static_cast<float>(value);
        }
      }
    first += length;
  }
  return out;
}

float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  float largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    // A NaN would hide in a comparison.
    if (!std::isfinite(a[i])) return INFINITY;
    largest = std::max(largest, std::abs(a[i] - b[i]));
  }
  return largest;
}

TEST_CASE("kernels: every generation this processor has attends as the definition says") {
  constexpr unsigned kSeed = 20240601;
  std::cout << "kernels: seed " << kSeed << "\n";
  std::mt19937 random(kSeed);
  std::vector<std::vector<std::size_t>> batches = {
      {1}, {1, 1, 2, 3}, {17, 16, 15}, {64, 65}, {300}};
  std::uniform_int_distribution<std::size_t> length(1, 90);
  for (int i = 0; i < 4; ++i) batches.push_back({length(random), length(random), length(random)});
  for (const auto& lengths : batches)
    for (const std::size_t head_size : {16u, 32u, 64u, 128u}) {
      const std::size_t heads = head_size == 32 ? 3 : 1;
      const std::size_t values =
          std::accumulate(lengths.begin(), lengths.end(), std::size_t{0}) * heads * head_size;
      const auto query = random_values(random, values);
      const auto key = random_values(random, values);
      const auto value = random_values(random, values);
      const AttentionInput input{query.data(), key.data(), value.data(), heads, head_size};
      const auto expected = attention_by_definition(input, lengths);
      for (const kernels::Set& set : kernels::all()) {
        if (!set.is_supported()) continue;
        std::vector<float> out(values, NAN);
        set.attend(input, lengths, out.data());
        INFO(set.name << ", head size " << head_size << ", first length " << lengths[0]);
        CHECK(largest_difference(out, expected) < 1e-4f);
      }
    }
}

TEST_CASE("kernels: attention stands scores of any size") {
  const std::vector<float> query(3 * 16, 300.0f);
  std::vector<float> key(3 * 16, -300.0f);
  std::fill(key.begin() + 16, key.begin() + 32, 300.0f);  // the second token wins all
  std::vector<float> value(3 * 16, 1.0f);
  std::fill(value.begin() + 16, value.begin() + 32, 5.0f);
  const std::vector<std::size_t> lengths = {3};
  for (const kernels::Set& set : kernels::all()) {
    if (!set.is_supported()) continue;
    std::vector<float> out(3 * 16);
    set.attend({query.data(), key.data(), value.data(), 1, 16}, lengths, out.data());
    INFO(set.name);
    CHECK(largest_difference(out, std::vector<float>(3 * 16, 5.0f)) < 1e-6f);
  }
}

TEST_CASE("kernels: every generation adds and normalises as the definition says") {
  std::mt19937 random(7);
  for (const std::size_t size : {16u, 32u, 48u, 384u, 768u}) {
    constexpr std::size_t kRows = 5;
    const auto rows = random_values(random, kRows * size);
    const auto residual = random_values(random, kRows * size);
    const auto scale = random_values(random, size);
    const auto shift = random_values(random, size);
    std::vector<float> expected(rows.size());
    for (std::size_t start = 0; start < rows.size(); start += size) {
      double sum = 0, squares = 0;
      for (std::size_t i = start; i < start + size; ++i)
        sum += double{rows[i]} + double{residual[i]};
      const double mean = sum / static_cast<double>(size);
      for (std::size_t i = start; i < start + size; ++i)
        squares += std::pow(double{rows[i]} + double{residual[i]} - mean, 2);
      const double factor = 1 / std::sqrt(squares / static_cast<double>(size) + 1e-5);
      for (std::size_t i = 0; i < size; ++i)
        expected[start + i] =
            static_cast<float>((double{rows[start + i]} + double{residual[start + i]} - mean) *
                                   factor * double{scale[i]} +
                               double{shift[i]});
    }
    for (const kernels::Set& set : kernels::all()) {
      if (!set.is_supported()) continue;
      std::vector<float> out = rows;
      set.add_layer_norm(out, residual.data(), scale, shift.data(), 1e-5f);
      INFO(set.name << ", size " << size);
      CHECK(largest_difference(out, expected) < 1e-4f);
    }
  }
}

}  // namespace
}  // namespace forkdex
