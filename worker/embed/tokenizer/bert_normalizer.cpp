#include "worker/embed/tokenizer/bert_normalizer.h"

#include <algorithm>
#include <array>

#include "common/base/utf8.h"
#include "worker/embed/tokenizer/unicode.h"

namespace forkdex {
namespace {

// The steps one after the other, a code point at a time. Only canonical ordering looks at more than
// one: combining characters wait in `pending_` until the next starter.
class Normalization {
 public:
  Normalization(const BertNormalizer::Steps& steps, std::string& out) : steps_(steps), out_(out) {}

  void add(char32_t code) {
    if (steps_.clean_text) {
      if (unicode::is_removed_by_cleaning(code)) return;
      if (unicode::is_whitespace(code)) code = U' ';
    }
    if (steps_.space_chinese && unicode::is_chinese(code)) {
      decompose(U' ');
      decompose(code);
      decompose(U' ');
    } else {
      decompose(code);
    }
  }

  void finish() {
    if (!pending_.empty()) flush_pending();
  }

  bool has_pending() const { return !pending_.empty(); }

 private:
  void decompose(char32_t code) {
    if (!steps_.strip_accents) return lower(code);
    decomposed_.clear();
    unicode::append_decomposed(code, decomposed_);
    for (const char32_t part : decomposed_) {
      if (unicode::combining_class(part) != 0) {
        pending_.push_back(part);
        continue;
      }
      flush_pending();
      if (!unicode::is_nonspacing_mark(part)) lower(part);
    }
  }

  void flush_pending() {
    std::stable_sort(pending_.begin(), pending_.end(), [](char32_t a, char32_t b) {
      return unicode::combining_class(a) < unicode::combining_class(b);
    });
    for (const char32_t code : pending_)
      if (!unicode::is_nonspacing_mark(code)) lower(code);
    pending_.clear();
  }

  void lower(char32_t code) {
    if (!steps_.lowercase) return append_utf8(code, out_);
    lowered_.clear();
    unicode::append_lowercase(code, lowered_);
    for (const char32_t part : lowered_) append_utf8(part, out_);
  }

  const BertNormalizer::Steps& steps_;
  std::string& out_;
  std::u32string decomposed_;
  std::u32string pending_;
  std::u32string lowered_;
};

// Stands in the ASCII table for "nothing". DEL is what cleaning drops, so it never means itself
// there; without cleaning nothing is dropped.
constexpr char kDropped = '\x7F';

char ascii_normal_form(const BertNormalizer::Steps& steps, char byte) {
  if (steps.clean_text) {
    if (unicode::is_removed_by_cleaning(static_cast<char32_t>(byte))) return kDropped;
    if (unicode::is_whitespace(static_cast<char32_t>(byte))) return ' ';
  }
  const bool lowered = steps.lowercase && byte >= 'A' && byte <= 'Z';
  return lowered ? static_cast<char>(byte - 'A' + 'a') : byte;
}

}  // namespace

BertNormalizer::BertNormalizer(Steps steps) : steps_(steps) {
  for (std::size_t i = 0; i < ascii_.size(); ++i)
    ascii_[i] = ascii_normal_form(steps, static_cast<char>(i));
}

void BertNormalizer::append(std::string_view text, std::string& out) const {
  Normalization normalization(steps_, out);
  out.reserve(out.size() + text.size());
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text[0]);
    if (byte >= 0x80) {
      normalization.add(unicode::take_code_point(text));
      continue;
    }
    text.remove_prefix(1);
    const char mapped = ascii_[byte];
    // What is dropped does not end a run of combining characters.
    if (mapped == kDropped && steps_.clean_text) continue;
    if (normalization.has_pending()) normalization.finish();
    out.push_back(mapped);
  }
  normalization.finish();
}

}  // namespace forkdex
