#include "worker/embed/tokenizer/token_trie.h"

#include <algorithm>
#include <deque>

namespace forkdex {

TokenTrie::TokenTrie(std::vector<Entry> entries) {
  const auto same_token = [](const Entry& a, const Entry& b) { return a.first == b.first; };
  std::erase_if(entries, [](const Entry& entry) { return entry.first.empty(); });
  std::reverse(entries.begin(), entries.end());
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.first < b.first; });
  entries.erase(std::unique(entries.begin(), entries.end(), same_token), entries.end());
  build(entries);
}

// Breadth first: `sorted` holds the tokens of a node as one run, and its children as runs in it.
void TokenTrie::build(const std::vector<Entry>& sorted) {
  struct Run {
    Node node;
    std::size_t begin;
    std::size_t end;
    std::size_t depth;
  };
  nodes_.emplace_back();
  std::deque<Run> runs = {{kRoot, 0, sorted.size(), 0}};
  while (!runs.empty()) {
    Run run = runs.front();
    runs.pop_front();
    if (run.begin < run.end && sorted[run.begin].first.size() == run.depth)
      nodes_[run.node].value = sorted[run.begin++].second;
    nodes_[run.node].first_child = static_cast<Node>(nodes_.size());
    while (run.begin < run.end) {
      const char byte = sorted[run.begin].first[run.depth];
      std::size_t end = run.begin;
      while (end < run.end && sorted[end].first[run.depth] == byte) ++end;
      runs.push_back({static_cast<Node>(nodes_.size()), run.begin, end, run.depth + 1});
      nodes_.emplace_back().byte = static_cast<unsigned char>(byte);
      ++nodes_[run.node].child_count;
      run.begin = end;
    }
  }
}

TokenTrie::Node TokenTrie::child(Node node, unsigned char byte) const {
  const Place* first = nodes_.data() + nodes_[node].first_child;
  const Place* last = first + nodes_[node].child_count;
  const Place* found = std::lower_bound(
      first, last, byte, [](const Place& place, unsigned char b) { return place.byte < b; });
  if (found == last || found->byte != byte) return kNone;
  return static_cast<Node>(found - nodes_.data());
}

TokenTrie::Node TokenTrie::walk(Node node, std::string_view text) const {
  for (const char byte : text) {
    node = child(node, static_cast<unsigned char>(byte));
    if (node == kNone) break;
  }
  return node;
}

std::optional<std::int32_t> TokenTrie::find(std::string_view token) const {
  const Node node = walk(kRoot, token);
  if (node == kNone || value(node) == kNoValue) return {};
  return value(node);
}

TokenTrie::Match TokenTrie::longest_match(Node node, std::string_view text) const {
  Match match;
  for (std::size_t i = 0; i < text.size(); ++i) {
    node = child(node, static_cast<unsigned char>(text[i]));
    if (node == kNone) break;
    if (value(node) != kNoValue) match = {value(node), i + 1};
  }
  return match;
}

}  // namespace forkdex
