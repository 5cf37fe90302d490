#include "worker/embed/tokenizer/token_pipeline.h"

#include <limits>

#include "common/base/utf8.h"
#include "worker/embed/tokenizer/unicode.h"

namespace forkdex {

std::size_t TokenPipeline::encode(std::string_view text, std::size_t max_tokens,
                                  std::vector<std::int32_t>& ids) const {
  const std::size_t size_before = ids.size();
  const std::size_t special = parts_.before.size() + parts_.after.size();
  const std::size_t room = max_tokens > special ? max_tokens - special : 0;
  ids.insert(ids.end(), parts_.before.begin(), parts_.before.end());
  append_content(text, ids.size() + room, ids);
  ids.insert(ids.end(), parts_.after.begin(), parts_.after.end());
  return ids.size() - size_before;
}

std::size_t TokenPipeline::count(std::string_view text) const {
  std::vector<std::int32_t> ids;
  ids.reserve(text.size() / 2);
  append_content(text, std::numeric_limits<std::size_t>::max(), ids);
  return parts_.before.size() + ids.size() + parts_.after.size();
}

void TokenPipeline::append_content(std::string_view text, std::size_t limit,
                                   std::vector<std::int32_t>& ids) const {
  if (!is_utf8(text)) {
    const std::string valid = to_valid_utf8(text);
    return append_valid(valid, limit, ids);
  }
  append_valid(text, limit, ids);
}

void TokenPipeline::append_valid(std::string_view text, std::size_t limit,
                                 std::vector<std::int32_t>& ids) const {
  std::string normal_form;
  bool at_start = true;
  for (const AddedTokens::Piece& piece : parts_.raw_tokens.split(text)) {
    if (ids.size() >= limit) return;
    if (piece.token) {
      ids.push_back(piece.token->id);
    } else {
      normal_form.clear();
      parts_.normalizer->append(piece.text, normal_form);
      append_normalized(normal_form, at_start, limit, ids);
    }
    at_start = false;
  }
}

void TokenPipeline::append_normalized(std::string_view text, bool at_start, std::size_t limit,
                                      std::vector<std::int32_t>& ids) const {
  const auto append_piece = [&](std::string_view piece) {
    parts_.model->append(piece, ids);
    return ids.size() < limit;
  };
  const PreTokenizer::Sink sink(std::ref(append_piece));
  for (const AddedTokens::Piece& piece : parts_.normalized_tokens.split(text)) {
    if (ids.size() >= limit) return;
    if (piece.token)
      ids.push_back(piece.token->id);
    else
      parts_.pre_tokenizer->split(piece.text, at_start, sink);
    if (ids.size() > limit) ids.resize(limit);
    at_start = false;
  }
}

}  // namespace forkdex
