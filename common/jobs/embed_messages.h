#pragma once

// The job of some commit messages: embed those that have no vector.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/fields.h"
#include "common/base/hash.h"

namespace forkdex {

/// The most messages of one job.
inline constexpr std::size_t kMaxMessages = 64;

struct EmbedMessages {
  std::vector<Sha256> hashes = {};  ///< commits.content_hash, at most kMaxMessages
};

template <class Visit, FieldsOf<EmbedMessages> Self>
void visit_fields(Visit&& visit, Self& messages) {
  visit(messages.hashes);
}

struct EmbedMessagesResult {
  std::uint32_t embedded = 0;  ///< messages that went through the model
  std::uint32_t reused = 0;    ///< messages whose vector was known
  std::uint64_t tokens = 0;
};

template <class Visit, FieldsOf<EmbedMessagesResult> Self>
void visit_fields(Visit&& visit, Self& result) {
  visit(result.embedded, result.reused, result.tokens);
}

}  // namespace forkdex
