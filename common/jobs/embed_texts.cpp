#include "common/jobs/embed_texts.h"

namespace forkdex {

std::string_view name(TextSource source) {
  constexpr std::array<std::string_view, 3> kNames = {"source", "text view", "commit message"};
  return kNames[static_cast<std::size_t>(source)];
}

std::optional<EmbedTexts> embed_texts(std::string_view payload) {
  auto texts = decode<EmbedTexts>(payload);
  if (!texts || texts->source > TextSource::kMessage) return std::nullopt;
  return texts;
}

}  // namespace forkdex
