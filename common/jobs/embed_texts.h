#pragma once

// The job of some texts of one repository: embed those that have no vector.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/fields.h"
#include "common/base/hash.h"

namespace forkdex {

/// Where a text stands.
enum class TextSource : std::uint8_t {
  kCode,     ///< chunks.source, known by chunks.content_hash
  kText,     ///< chunks.text_view, known by chunks.text_hash
  kMessage,  ///< commits.message, known by commits.content_hash
};
inline constexpr std::array kTextSources = {TextSource::kCode, TextSource::kText,
                                            TextSource::kMessage};

/// What one of its texts is called.
std::string_view name(TextSource source);

/// The most texts of one job.
inline constexpr std::size_t kMaxTexts = 192;

struct EmbedTexts {
  TextSource source = TextSource::kCode;
  std::vector<Sha256> hashes = {};  ///< at most kMaxTexts
};

template <class Visit, FieldsOf<EmbedTexts> Self>
void visit_fields(Visit&& visit, Self& texts) {
  visit(texts.source, texts.hashes);
}

/// The texts of a done job that were not embedded had a vector already, or no row has them any
/// more.
struct EmbedTextsResult {
  std::uint32_t embedded = 0;  ///< went through the model
  std::uint64_t tokens = 0;    ///< that the model read
};

template <class Visit, FieldsOf<EmbedTextsResult> Self>
void visit_fields(Visit&& visit, Self& result) {
  visit(result.embedded, result.tokens);
}

/// Reads a job's payload; nothing where it is not one.
std::optional<EmbedTexts> embed_texts(std::string_view payload);

}  // namespace forkdex
