#include "worker/embed/encoder/token_batch.h"

#include <algorithm>
#include <numeric>

namespace forkdex {

std::vector<TokenBatch> TokenizedTexts::batches(std::size_t budget) const {
  std::vector<std::size_t> order(size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return length(a) > length(b); });
  std::vector<TokenBatch> batches;
  for (const std::size_t text : order) {
    if (batches.empty() || batches.back().ids.size() + length(text) > budget) {
      batches.emplace_back();
      batches.back().ids.reserve(budget);
    }
    TokenBatch& batch = batches.back();
    const auto from = ids_.begin() + static_cast<std::ptrdiff_t>(start(text));
    batch.ids.insert(batch.ids.end(), from, from + static_cast<std::ptrdiff_t>(length(text)));
    batch.lengths.push_back(length(text));
    batch.texts.push_back(text);
  }
  return batches;
}

}  // namespace forkdex
