#include "worker/embed/encoder/places.h"

#include <bit>
#include <cmath>

namespace forkdex {
namespace {

// Of the geometric series for `power` heads, every `step`-th member.
void append_series(std::size_t power, std::size_t step, std::size_t count,
                   std::vector<float>& slopes) {
  for (std::size_t i = 0; i < count; ++i)
    slopes.push_back(static_cast<float>(
        std::exp2(-8.0 * static_cast<double>(i * step + 1) / static_cast<double>(power))));
}

}  // namespace

std::vector<float> alibi_slopes(std::size_t heads) {
  const std::size_t power = std::bit_floor(heads);
  std::vector<float> slopes;
  append_series(power, 1, power, slopes);
  append_series(2 * power, 2, heads - power, slopes);
  return slopes;
}

std::vector<float> rotary_turns(std::size_t places, std::size_t head_size, double base) {
  const std::size_t half = head_size / 2;
  std::vector<float> turns(places * head_size);
  for (std::size_t i = 0; i < half; ++i) {
    // In float, as models are trained: far from the start of a text the difference is felt.
    const auto exponent = static_cast<float>(2 * i) / static_cast<float>(head_size);
    const float frequency = 1.0f / std::pow(static_cast<float>(base), exponent);
    for (std::size_t place = 0; place < places; ++place) {
      const float angle = static_cast<float>(place) * frequency;
      turns[place * head_size + i] = std::cos(angle);
      turns[place * head_size + half + i] = std::sin(angle);
    }
  }
  return turns;
}

}  // namespace forkdex
