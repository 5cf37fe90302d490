#pragma once

// The job of a query: its vector is the answer.

#include <cstddef>
#include <string>
#include <vector>

#include "common/base/fields.h"

namespace forkdex {

inline constexpr std::size_t kMaxQueryBytes = 4095;
inline constexpr std::size_t kMaxVectorDimension = 8192;

struct EmbedQuery {
  std::string text = {};  ///< at most kMaxQueryBytes
};

template <class Visit, FieldsOf<EmbedQuery> Self>
void visit_fields(Visit&& visit, Self& query) {
  visit(query.text);
}

struct EmbedQueryResult {
  std::vector<float> vector = {};  ///< at most kMaxVectorDimension
};

template <class Visit, FieldsOf<EmbedQueryResult> Self>
void visit_fields(Visit&& visit, Self& result) {
  visit(result.vector);
}

}  // namespace forkdex
