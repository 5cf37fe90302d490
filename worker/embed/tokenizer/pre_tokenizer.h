#pragma once

// How a text is cut into the pieces that a model sees. Immutable after construction.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace forkdex {

/// One step of tokenizer.json's "pre_tokenizer".
class PreTokenizer {
 public:
  /// Gets the pieces in order, never an empty one, each valid during the call. Returns whether more
  /// are wanted.
  using Sink = std::function<bool(std::string_view piece)>;

  virtual ~PreTokenizer() = default;

  /// Cuts `text` until `sink` wants no more, and returns whether it does. `at_start` says that
  /// nothing of the whole text stands before it. REQUIRES valid UTF-8.
  virtual bool split(std::string_view text, bool at_start, const Sink& sink) const = 0;
};

/// One pre-tokenizer after the other, each cutting the pieces of the one before; none at all makes
/// a text one piece.
class PreTokenizerSequence final : public PreTokenizer {
 public:
  explicit PreTokenizerSequence(std::vector<std::unique_ptr<PreTokenizer>> steps)
      : steps_(std::move(steps)) {}
  bool split(std::string_view text, bool at_start, const Sink& sink) const override;

 private:
  bool split_from(std::size_t step, std::string_view text, bool at_start, const Sink& sink) const;

  std::vector<std::unique_ptr<PreTokenizer>> steps_;
};

/// Words between whitespace, every punctuation character apart: what BERT's WordPiece sees.
class BertPreTokenizer final : public PreTokenizer {
 public:
  bool split(std::string_view text, bool at_start, const Sink& sink) const override;
};

/// What stands between whitespace.
class WhitespaceSplit final : public PreTokenizer {
 public:
  bool split(std::string_view text, bool at_start, const Sink& sink) const override;
};

/// SentencePiece's words: spaces become a visible character, and each begins a piece.
class Metaspace final : public PreTokenizer {
 public:
  enum class Prepend { kAlways, kFirst, kNever };

  struct Rules {
    std::string replacement = "\u2581";
    Prepend prepend = Prepend::kAlways;  ///< of the replacement where a text lacks it; kFirst: only
                                         ///< where the whole text begins
    bool split = true;                   ///< false: the text stays one piece
  };

  /// REQUIRES the replacement to be one character.
  explicit Metaspace(Rules rules) : rules_(std::move(rules)) {}
  bool split(std::string_view text, bool at_start, const Sink& sink) const override;

 private:
  std::string with_replacements(std::string_view text, bool at_start) const;

  Rules rules_;
};

}  // namespace forkdex
