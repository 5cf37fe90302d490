#pragma once

// The job of one segment of the word index: make it of the chunks of a range of ids.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/fields.h"

namespace forkdex {

/// The most segments that one job replaces.
inline constexpr std::size_t kMostReplaced = 256;

struct MergeWords {
  std::int64_t first_chunk = 0;             ///< ids of the repository's chunks, inclusive
  std::int64_t last_chunk = 0;              ///< no transaction adds one up to this any more
  std::vector<std::int64_t> replaced = {};  ///< segments, at most kMostReplaced
};

template <class Visit, FieldsOf<MergeWords> Self>
void visit_fields(Visit&& visit, Self& words) {
  visit(words.first_chunk, words.last_chunk, words.replaced);
}

struct MergeWordsResult {
  std::uint64_t chunks = 0;  ///< in the new segment
};

template <class Visit, FieldsOf<MergeWordsResult> Self>
void visit_fields(Visit&& visit, Self& result) {
  visit(result.chunks);
}

}  // namespace forkdex
