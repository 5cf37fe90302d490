#include "worker/embed/encoder/pooling.h"

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <vector>

namespace forkdex {
namespace {

TEST_CASE("pooling: gives the mean, the first or the last of the tokens") {
  const std::array<float, 6> rows = {1, 2, 3, 6, 5, 10};
  std::array<float, 2> vector{};
  pool(rows, Pooling::kMean, vector);
  CHECK(vector == std::array<float, 2>{3, 6});
  pool(rows, Pooling::kCls, vector);
  CHECK(vector == std::array<float, 2>{1, 2});
  pool(rows, Pooling::kLast, vector);
  CHECK(vector == std::array<float, 2>{5, 10});
}

TEST_CASE("pooling: a vector is scaled to length 1, and the zero vector stays") {
  std::array<float, 2> vector = {3, -4};
  normalize(vector);
  CHECK(vector[0] == Approx(0.6));
  CHECK(vector[1] == Approx(-0.8));
  vector = {0, 0};
  normalize(vector);
  CHECK(vector == std::array<float, 2>{0, 0});
}

TEST_CASE("pooling: standardized values have mean 0 and variance 1") {
  std::vector<float> values;
  for (int i = 0; i < 96; ++i) values.push_back(100 + static_cast<float>(std::sin(i)) * 5);
  standardize(values);
  double sum = 0;
  double squares = 0;
  for (const float value : values) {
    sum += double{value};
    squares += double{value} * double{value};
  }
  CHECK(sum / 96 == Approx(0).margin(1e-5));
  CHECK(squares / 96 == Approx(1).margin(1e-5));
  std::vector<float> same(16, 7);
  standardize(same);
  CHECK(same == std::vector<float>(16, 0));
}

}  // namespace
}  // namespace forkdex
