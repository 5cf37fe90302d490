#include "worker/embed/wordpiece.h"

#include <algorithm>
#include <array>
#include <deque>

#include "worker/embed/unicode.h"

namespace forkdex {
namespace {

enum class CharacterClass : std::uint8_t { kWord, kSpace, kPunctuation };

CharacterClass classify(char32_t code) {
  if (unicode::is_whitespace(code)) return CharacterClass::kSpace;
  if (unicode::is_punctuation(code)) return CharacterClass::kPunctuation;
  return CharacterClass::kWord;
}

const std::array<CharacterClass, 128>& ascii_classes() {
  static const auto kClasses = [] {
    std::array<CharacterClass, 128> classes{};
    for (std::size_t i = 0; i < classes.size(); ++i)
      classes[i] = classify(static_cast<char32_t>(i));
    return classes;
  }();
  return kClasses;
}

CharacterClass take_class(std::string_view& text) {
  const auto byte = static_cast<unsigned char>(text[0]);
  if (byte >= 0x80) return classify(unicode::take_code_point(text));
  text.remove_prefix(1);
  return ascii_classes()[byte];
}

bool has_more_characters_than(std::string_view word, std::size_t limit) {
  if (word.size() <= limit) return false;
  const auto characters = std::count_if(word.begin(), word.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
  });
  return static_cast<std::size_t>(characters) > limit;
}

}  // namespace

WordPiece::WordPiece(Vocabulary vocabulary, Rules rules) : rules_(std::move(rules)) {
  std::sort(vocabulary.begin(), vocabulary.end());
  build(vocabulary);
  std::uint32_t node = 0;
  for (const char byte : rules_.continuation_prefix) {
    node = child(node, static_cast<unsigned char>(byte));
    if (node == kNone) return;
  }
  continuation_ = node;
}

// Breadth first: `sorted` holds the words of a node as one run, and its children as runs in it.
void WordPiece::build(const Vocabulary& sorted) {
  struct Run {
    std::uint32_t node;
    std::size_t begin;
    std::size_t end;
    std::size_t depth;
  };
  nodes_.emplace_back();
  std::deque<Run> runs = {{0, 0, sorted.size(), 0}};
  while (!runs.empty()) {
    Run run = runs.front();
    runs.pop_front();
    if (run.begin < run.end && sorted[run.begin].first.size() == run.depth)
      nodes_[run.node].id = sorted[run.begin++].second;
    nodes_[run.node].first_child = static_cast<std::uint32_t>(nodes_.size());
    while (run.begin < run.end) {
      const char byte = sorted[run.begin].first[run.depth];
      std::size_t end = run.begin;
      while (end < run.end && sorted[end].first[run.depth] == byte) ++end;
      runs.push_back({static_cast<std::uint32_t>(nodes_.size()), run.begin, end, run.depth + 1});
      nodes_.emplace_back().byte = static_cast<unsigned char>(byte);
      ++nodes_[run.node].child_count;
      run.begin = end;
    }
  }
}

std::uint32_t WordPiece::child(std::uint32_t node, unsigned char byte) const {
  const Node* first = nodes_.data() + nodes_[node].first_child;
  const Node* last = first + nodes_[node].child_count;
  const Node* found = std::lower_bound(first, last, byte,
                                       [](const Node& n, unsigned char b) { return n.byte < b; });
  if (found == last || found->byte != byte) return kNone;
  return static_cast<std::uint32_t>(found - nodes_.data());
}

// A known piece ends where a character ends, since vocabulary and text are valid UTF-8.
WordPiece::Match WordPiece::longest_match(std::uint32_t from, std::string_view text) const {
  Match match;
  std::uint32_t node = from;
  for (std::size_t i = 0; i < text.size(); ++i) {
    node = child(node, static_cast<unsigned char>(text[i]));
    if (node == kNone) break;
    if (nodes_[node].id != kNoId) match = {nodes_[node].id, i + 1};
  }
  return match;
}

void WordPiece::append_word(std::string_view word, std::vector<std::int32_t>& ids) const {
  const std::size_t size_before = ids.size();
  bool covered = !has_more_characters_than(word, rules_.max_word_characters);
  std::uint32_t from = 0;
  while (covered && !word.empty()) {
    const Match match = longest_match(from, word);
    covered = match.id != kNoId;
    if (!covered) break;
    ids.push_back(match.id);
    word.remove_prefix(match.bytes);
    from = continuation_;
    if (from == kNone) covered = word.empty();
  }
  if (covered) return;
  ids.resize(size_before);
  ids.push_back(rules_.unknown_id);
}

void WordPiece::append_text(std::string_view text, std::size_t limit,
                            std::vector<std::int32_t>& ids) const {
  const char* word = text.data();
  while (!text.empty() && ids.size() < limit) {
    const char* here = text.data();
    const CharacterClass kind = take_class(text);
    if (kind == CharacterClass::kWord) continue;
    if (word < here) append_word({word, here}, ids);
    word = text.data();
    if (kind == CharacterClass::kPunctuation) append_word({here, word}, ids);
  }
  if (ids.size() < limit && text.empty() && word < text.data())
    append_word({word, text.data()}, ids);
  if (ids.size() > limit) ids.resize(limit);
}

}  // namespace forkdex
