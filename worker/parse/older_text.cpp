#include "worker/parse/older_text.h"

#include <tree_sitter/api.h>

#include <algorithm>

namespace forkdex {

OlderText::OlderText(std::string_view text, const std::vector<std::size_t>& places,
                     std::size_t bytes, std::string_view word)
    : written_(bytes), bytes_(word.size()) {
  std::size_t copied = 0;
  for (const std::size_t place : places) {
    text_ += text.substr(copied, place - copied);
    longer_.push_back(text_.size());
    text_ += word;
    copied = place + bytes;
  }
  text_ += text.substr(copied);
}

std::size_t OlderText::place_of(std::size_t offset) const {
  for (const std::size_t begin : longer_) {
    if (begin >= offset) break;
    offset += bytes_ - written_;
  }
  return offset;
}

void OlderText::move_back(Tree& tree, Span place) const {
  const auto replace = [&](std::size_t begin, std::size_t bytes, std::size_t written) {
    TSInputEdit edit{};  // no part asks for a row
    edit.start_byte = static_cast<std::uint32_t>(begin);
    edit.old_end_byte = static_cast<std::uint32_t>(begin + bytes);
    edit.new_end_byte = static_cast<std::uint32_t>(begin + written);
    ts_tree_edit(tree.get(), &edit);
  };
  const auto first = std::ranges::lower_bound(longer_, place.begin);
  for (auto word = std::ranges::lower_bound(longer_, place.end); word != first;)
    replace(*--word, bytes_, written_);
  const auto before = static_cast<std::size_t>(first - longer_.begin());
  if (before > 0) replace(0, before * (bytes_ - written_), 0);
}

}  // namespace forkdex
