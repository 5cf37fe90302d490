#pragma once

// What tells an encoder where a token stands, other than a learned embedding.

#include <cstddef>
#include <vector>

namespace forkdex {

/// ALiBi's slope of each head (Press et al. 2022): a geometric series for a power of two; for
/// another number of heads, that of the next lower power and every second one of the next higher.
std::vector<float> alibi_slopes(std::size_t heads);

/// Rotary embeddings' angles (Su et al. 2021) as kernels::Functions::rotate wants them: for each of
/// `places`, the cosines and then the sines of place / base^(2i / head_size).
std::vector<float> rotary_turns(std::size_t places, std::size_t head_size, double base);

}  // namespace forkdex
