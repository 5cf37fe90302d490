#include "worker/embed/encoder/kernels/kernels.h"

#include <cmath>
#include <cstring>
#include <iostream>
#include <numeric>
#include <random>
#include <vector>

#include <catch2/catch.hpp>

namespace forkdex {
namespace {

using kernels::AttentionInput;
using kernels::Bf16;
using Lengths = std::vector<std::size_t>;

Bf16 rounded(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return {static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
}

double number(float value) { return value; }
double number(Bf16 value) {
  const std::uint32_t bits = std::uint32_t{value.bits} << 16;
  float whole;
  std::memcpy(&whole, &bits, sizeof whole);
  return whole;
}

// Buffers are exactly as large as their contents, so that a sanitizer sees a read past the end.
template <class T>
std::vector<T> random_values(std::mt19937& random, std::size_t count, float deviation = 2.0f) {
  std::normal_distribution<float> normal(0.0f, deviation);
  std::vector<T> values(count);
  for (T& value : values)
    if constexpr (std::is_same_v<T, float>)
      value = normal(random);
    else
      value = rounded(normal(random));
  return values;
}

/// How far a result of this type may be from the exact one: Bf16 has 8 bits of precision, twice of
/// which is lost.
template <class T>
double tolerance(double exact) {
  return std::is_same_v<T, float> ? 1e-4 : 0.01 + std::abs(exact) / 100;
}

template <class T>
std::size_t wrong_values(const std::vector<T>& got, const std::vector<double>& exact,
                         double more = 0) {
  REQUIRE(got.size() == exact.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < got.size(); ++i)  // so written, a NaN is wrong
    if (!(std::abs(number(got[i]) - exact[i]) < tolerance<T>(exact[i]) + more)) ++wrong;
  return wrong;
}

// The definition, in double.
template <class T>
std::vector<double> attention_by_definition(const AttentionInput<T>& in, const Lengths& lengths) {
  const std::size_t width = in.heads * in.head_size;
  std::vector<double> out(std::accumulate(lengths.begin(), lengths.end(), std::size_t{0}) * width);
  std::size_t first = 0;
  for (const std::size_t length : lengths) {
    for (std::size_t i = first; i < first + length; ++i)
      for (std::size_t column = 0; column < width; column += in.head_size) {
        std::vector<double> weights;
        for (std::size_t j = first; j < first + length; ++j) {
          const std::size_t distance = i > j ? i - j : j - i;
          double score = 0;
          for (std::size_t d = column; d < column + in.head_size; ++d)
            score += number(in.query[i * in.row + d]) * number(in.key[j * in.row + d]);
          score /= std::sqrt(static_cast<double>(in.head_size));
          if (in.slopes)
            score -= double{in.slopes[column / in.head_size]} * static_cast<double>(distance);
          const bool is_seen = in.window == 0 || distance <= in.window;
          weights.push_back(is_seen ? std::exp(score) : 0.0);
        }
        const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
        for (std::size_t d = column; d < column + in.head_size; ++d)
          for (std::size_t j = 0; j < length; ++j)
            out[i * width + d] += weights[j] / total * number(in.value[(first + j) * in.row + d]);
      }
    first += length;
  }
  return out;
}

template <class T>
void check_attention(std::mt19937& random, const Lengths& lengths, std::size_t head_size,
                     bool is_sloped = false, std::size_t window = 0) {
  const std::size_t heads = head_size == 32 ? 3 : 1;
  const std::size_t width = heads * head_size;
  const std::size_t tokens = std::accumulate(lengths.begin(), lengths.end(), std::size_t{0});
  // Queries, keys and values lie side by side, as one linear layer writes them.
  const auto all = random_values<T>(random, tokens * 3 * width);
  const auto slopes = random_values<float>(random, heads);
  AttentionInput<T> input{all.data(), all.data() + width, all.data() + 2 * width, 3 * width,
                          heads,      head_size};
  if (is_sloped) input.slopes = slopes.data();
  input.window = window;
  const auto exact = attention_by_definition(input, lengths);
  for (const kernels::Set& set : kernels::all()) {
    if (!set.is_supported()) continue;
    std::vector<T> out(tokens * width);
    set.of<T>().attend(input, lengths, out.data());
    INFO(set.name << ", head size " << head_size << ", first length " << lengths[0]);
    CHECK(wrong_values(out, exact) == 0);
  }
}

TEMPLATE_TEST_CASE("kernels: every generation this processor has attends as the definition says",
                   "", float, Bf16) {
  constexpr unsigned kSeed = 20240601;
  std::cout << "kernels: seed " << kSeed << "\n";
  std::mt19937 random(kSeed);
  std::vector<Lengths> batches = {{1}, {1, 1, 2, 3}, {17, 16, 15}, {32, 33, 48}, {64, 65}, {300}};
  std::uniform_int_distribution<std::size_t> length(1, 90);
  for (int i = 0; i < 4; ++i) batches.push_back({length(random), length(random), length(random)});
  for (const Lengths& lengths : batches)
    for (const std::size_t head_size : {16u, 32u, 64u, 128u})
      check_attention<TestType>(random, lengths, head_size);
}

TEMPLATE_TEST_CASE("kernels: attention sees less of what is far away, where it should", "", float,
                   Bf16) {
  std::mt19937 random(5);
  for (const Lengths& lengths : std::vector<Lengths>{{1, 2, 40}, {200, 33}, {300}})
    for (const std::size_t head_size : {16u, 32u, 64u}) {
      check_attention<TestType>(random, lengths, head_size, true);
      for (const std::size_t window : {1u, 7u, 64u, 150u}) {
        check_attention<TestType>(random, lengths, head_size, false, window);
        check_attention<TestType>(random, lengths, head_size, true, window);
      }
    }
}

TEMPLATE_TEST_CASE("kernels: attention over 8,192 tokens is that of the portable kernel", "", float,
                   Bf16) {
  const Lengths lengths = {8192};
  std::mt19937 random(11);
  const auto all = random_values<TestType>(random, 8192 * 3 * 32);
  const AttentionInput<TestType> input{all.data(), all.data() + 32, all.data() + 64, 96, 1, 32};
  std::vector<TestType> expected(8192 * 32);
  kernels::all().back().of<TestType>().attend(input, lengths, expected.data());
  std::vector<double> exact;
  for (const TestType value : expected) exact.push_back(number(value));
  std::vector<TestType> out(8192 * 32);
  kernels::best().of<TestType>().attend(input, lengths, out.data());
  CHECK(wrong_values(out, exact) == 0);
}

TEMPLATE_TEST_CASE("kernels: attention stands scores of any size", "", float, Bf16) {
  const auto of = [](float value) {
    if constexpr (std::is_same_v<TestType, float>)
      return value;
    else
      return rounded(value);
  };
  for (const std::size_t size : {16u, 32u}) {
    const std::vector<TestType> query(3 * size, of(300.0f));
    std::vector<TestType> key(3 * size, of(-300.0f));
    std::fill_n(key.begin() + static_cast<long>(size), size, of(300.0f));  // the second wins all
    std::vector<TestType> value(3 * size, of(1.0f));
    std::fill_n(value.begin() + static_cast<long>(size), size, of(5.0f));
    for (const kernels::Set& set : kernels::all()) {
      if (!set.is_supported()) continue;
      std::vector<TestType> out(3 * size);
      set.of<TestType>().attend({query.data(), key.data(), value.data(), size, 1, size}, Lengths{3},
                                out.data());
      INFO(set.name);
      CHECK(wrong_values(out, std::vector<double>(3 * size, 5.0)) == 0);
    }
  }
}

TEMPLATE_TEST_CASE("kernels: every generation adds and normalises as the definition says", "",
                   float, Bf16) {
  std::mt19937 random(7);
  for (const std::size_t size : {16u, 32u, 48u, 384u, 768u}) {
    constexpr std::size_t kRows = 5;
    const auto rows = random_values<TestType>(random, kRows * size);
    const auto residual = random_values<TestType>(random, kRows * size);
    const auto scale = random_values<float>(random, size);
    const auto shift = random_values<float>(random, size);
    std::vector<double> exact;
    for (std::size_t start = 0; start < rows.size(); start += size) {
      double sum = 0, squares = 0;
      const auto at = [&](std::size_t i) { return number(rows[i]) + number(residual[i]); };
      for (std::size_t i = start; i < start + size; ++i) sum += at(i);
      const double mean = sum / static_cast<double>(size);
      for (std::size_t i = start; i < start + size; ++i) squares += std::pow(at(i) - mean, 2);
      const double factor = 1 / std::sqrt(squares / static_cast<double>(size) + 1e-5);
      for (std::size_t i = 0; i < size; ++i)
        exact.push_back((at(start + i) - mean) * factor * number(scale[i]) + number(shift[i]));
    }
    for (const kernels::Set& set : kernels::all()) {
      if (!set.is_supported()) continue;
      std::vector<TestType> out = rows;
      set.of<TestType>().add_layer_norm({out.data(), kRows, size, size}, residual.data(),
                                        scale.data(), shift.data(), 1e-5f);
      INFO(set.name << ", size " << size);
      CHECK(wrong_values(out, exact) == 0);
    }
  }
}

TEMPLATE_TEST_CASE("kernels: rows with gaps are normalised, and the gaps left alone", "", float,
                   Bf16) {
  std::mt19937 random(9);
  constexpr std::size_t kRows = 3, kSize = 48, kRow = 100;
  const auto rows = random_values<TestType>(random, kRows * kRow);
  const std::vector<float> scale(kSize, 2.0f);
  const std::vector<float> shift(kSize, 1.0f);
  std::vector<TestType> expected = rows;
  for (std::size_t r = 0; r < kRows; ++r) {
    std::vector<TestType> row(rows.begin() + static_cast<long>(r * kRow),
                              rows.begin() + static_cast<long>(r * kRow + kSize));
    const std::vector<TestType> nothing(kSize, TestType{});
    kernels::all().back().of<TestType>().add_layer_norm(
        {row.data(), 1, kSize, kSize}, nothing.data(), scale.data(), shift.data(), 1e-5f);
    std::copy(row.begin(), row.end(), expected.begin() + static_cast<long>(r * kRow));
  }
  std::vector<double> exact;
  for (const TestType value : expected) exact.push_back(number(value));
  for (const kernels::Set& set : kernels::all()) {
    if (!set.is_supported()) continue;
    std::vector<TestType> out = rows;
    set.of<TestType>().add_layer_norm({out.data(), kRows, kSize, kRow}, nullptr, scale.data(),
                                      shift.data(), 1e-5f);
    INFO(set.name);
    CHECK(wrong_values(out, exact) == 0);
  }
}

TEMPLATE_TEST_CASE("kernels: every generation turns heads as the definition says", "", float,
                   Bf16) {
  std::mt19937 random(3);
  const Lengths lengths = {3, 1, 5};
  constexpr std::size_t kTokens = 9, kHeads = 2;
  for (const std::size_t head_size : {32u, 64u, 128u}) {
    const std::size_t half = head_size / 2, row = kHeads * head_size + 16;
    const auto rows = random_values<TestType>(random, kTokens * row);
    const auto turns = random_values<float>(random, 5 * head_size);
    std::vector<double> exact;
    for (const TestType value : rows) exact.push_back(number(value));
    std::size_t token = 0;
    for (const std::size_t length : lengths)
      for (std::size_t place = 0; place < length; ++place, ++token)
        for (std::size_t i = 0; i < kHeads * half; ++i) {
          const std::size_t at = token * row + i / half * head_size + i % half;
          const double cosine = number(turns[place * head_size + i % half]);
          const double sine = number(turns[place * head_size + half + i % half]);
          const double x = number(rows[at]), y = number(rows[at + half]);
          exact[at] = x * cosine - y * sine;
          exact[at + half] = y * cosine + x * sine;
        }
    for (const kernels::Set& set : kernels::all()) {
      if (!set.is_supported()) continue;
      std::vector<TestType> out = rows;
      set.of<TestType>().rotate({out.data(), kTokens, kHeads * head_size, row}, lengths, head_size,
                                turns.data());
      INFO(set.name << ", head size " << head_size);
      CHECK(wrong_values(out, exact) == 0);
    }
  }
}

TEMPLATE_TEST_CASE("kernels: every generation gates as the definition says", "", float, Bf16) {
  using kernels::Activation;
  using kernels::Gate;
  std::mt19937 random(8);
  constexpr std::size_t kRows = 4, kWidth = 48;
  const auto wide = random_values<TestType>(random, kRows * 2 * kWidth);
  for (const Activation activation : {Activation::kGelu, Activation::kSilu})
    for (const Gate gate : {Gate::kFirst, Gate::kSecond}) {
      std::vector<double> exact;
      for (std::size_t i = 0; i < kRows * kWidth; ++i) {
        const TestType* const row = wide.data() + i / kWidth * 2 * kWidth;
        const double first = number(row[i % kWidth]), second = number(row[kWidth + i % kWidth]);
        const double x = gate == Gate::kFirst ? first : second;
        const double active = activation == Activation::kGelu
                                  ? x * 0.5 * std::erfc(-x / std::sqrt(2.0))
                                  : x / (1 + std::exp(-x));
        exact.push_back(active * (gate == Gate::kFirst ? second : first));
      }
      for (const kernels::Set& set : kernels::all()) {
        if (!set.is_supported()) continue;
        std::vector<TestType> out(kRows * kWidth);
        set.of<TestType>().gate({wide.data(), kRows, 2 * kWidth, 2 * kWidth}, activation, gate,
                                out.data());
        INFO(set.name);
        // GELU is right to 4e-5, and what multiplies it is up to 10.
        CHECK(wrong_values(out, exact, 4e-4) == 0);
      }
    }
}

/// What `layer` makes of `x` by definition; `weights` are [outputs, inputs] as before they were
/// packed.
template <class T>
std::vector<double> linear_by_definition(const kernels::PackedLinear<T>& layer,
                                         const std::vector<T>& weights, const std::vector<T>& x) {
  const auto active = [&](double v) {
    if (!layer.activation) return v;
    return *layer.activation == kernels::Activation::kGelu
               ? v * 0.5 * std::erfc(-v / std::sqrt(2.0))
               : v / (1 + std::exp(-v));
  };
  std::vector<double> out;
  for (std::size_t row = 0; row < x.size(); row += layer.inputs) {
    std::vector<double> sums;
    for (std::size_t o = 0; o < layer.outputs; ++o) {
      sums.push_back(number(layer.bias[o]));
      for (std::size_t i = 0; i < layer.inputs; ++i)
        sums.back() += number(x[row + i]) * number(weights[o * layer.inputs + i]);
    }
    for (std::size_t o = 0; o < layer.outputs; ++o)
      if (!layer.is_gated)
        out.push_back(active(sums[o]));
      else if (o % kernels::kPanelPair < kernels::kPanel)
        out.push_back(active(sums[o]) * sums[o + kernels::kPanel]);
  }
  return out;
}

TEMPLATE_TEST_CASE("kernels: a linear layer is the definition's, whatever follows it", "", float,
                   Bf16) {
  using kernels::Activation;
  std::mt19937 random(2);
  kernels::PackedLinear<TestType> layer{};
  constexpr bool kIsFloat = std::is_same_v<TestType, float>;
  const auto check = [&](std::size_t inputs, std::size_t outputs, std::size_t rows) {
    const auto weights = random_values<TestType>(random, outputs * inputs);
    const auto bias = random_values<float>(random, outputs);
    const auto x = random_values<TestType>(random, rows * inputs, kIsFloat ? 0.05f : 0.25f);
    std::vector<TestType> packed(weights.size());
    kernels::pack(weights.data(), outputs, inputs, packed.data());
    layer.weights = packed.data();
    layer.bias = bias.data();
    layer.inputs = inputs;
    layer.outputs = outputs;
    const auto exact = linear_by_definition(layer, weights, x);
    // The activation's own error, which a gate multiplies.
    const double more = !kIsFloat ? 0.02 : layer.activation ? 2e-3 : 0;
    for (const kernels::Set& set : kernels::all()) {
      const kernels::Functions<TestType>& functions = set.of<TestType>();
      if (!set.is_supported() || !functions.linear) continue;
      if (rows % functions.row_multiple != 0) continue;
      std::vector<TestType> out(exact.size());
      functions.linear(layer, x.data(), rows, out.data());
      INFO(set.name << ", " << inputs << " inputs, " << outputs << " outputs, " << rows << " rows");
      CHECK(wrong_values(out, exact, more) == 0);
    }
  };
  for (const auto activation : {std::optional<Activation>(), std::optional(Activation::kGelu),
                                std::optional(Activation::kSilu)})
    for (const bool is_gated : {false, true}) {
      if (is_gated && !activation) continue;
      if (!is_gated && activation == Activation::kSilu) continue;  // no model has that
      layer.activation = activation;
      layer.is_gated = is_gated;
      check(32, 32, 32);
      check(64, 96, 64);
      check(384, 128, 96);
      check(1056, 32, 32);
      check(800, 64, 224);  // blocks of inputs and of rows that are not full
      if (kIsFloat)
        for (const std::size_t rows : {1, 4, 5, 9, 97}) check(416, 96, rows);
    }
  layer = {};
  check(1024, 1024, 64);  // more than stays in the cache
}

TEST_CASE("kernels: every generation's GELU is the exact one, to Bf16's precision") {
  std::vector<Bf16> all;  // every finite number there is, and no round number of them
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits)
    if ((bits & 0x7f80) != 0x7f80) all.push_back({static_cast<std::uint16_t>(bits)});
  all.resize(all.size() - 3);
  for (const kernels::Set& set : kernels::all()) {
    if (!set.is_supported()) continue;
    std::vector<Bf16> out = all;
    set.gelu(out);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const double x = number(all[i]);
      const double exact = x * 0.5 * std::erfc(-x / std::sqrt(2.0));
      // Far to the left the exact value is 0, and ours grows with x by 1e-5 of it.
      const double allowed = 5e-5 + std::abs(exact) / 250 + (x < -4 ? -x * 2e-5 : 0);
      if (!(std::abs(number(out[i]) - exact) <= allowed)) ++wrong;
    }
    INFO(set.name);
    CHECK(wrong == 0);
  }
}

}  // namespace
}  // namespace forkdex
