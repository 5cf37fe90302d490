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

void OlderText::move_back(Tree& tree, std::size_t end) const {
  const auto after = std::ranges::lower_bound(longer_, end);
  for (auto word = after; word != longer_.begin();) {
    const auto begin = static_cast<std::uint32_t>(*--word);
    TSInputEdit edit{};  // no part asks for a row
    edit.start_byte = begin;
    edit.old_end_byte = begin + static_cast<std::uint32_t>(bytes_);
    edit.new_end_byte = begin + static_cast<std::uint32_t>(written_);
    ts_tree_edit(tree.get(), &edit);
  }
}

}  // namespace forkdex
