#pragma once

// What is done to a text before it is cut into words. Immutable after construction.

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace forkdex {

/// One step of tokenizer.json's "normalizer".
class Normalizer {
 public:
  virtual ~Normalizer() = default;

  /// Appends the normal form of `text` to `out`. REQUIRES valid UTF-8.
  virtual void append(std::string_view text, std::string& out) const = 0;
};

/// One normalizer after the other; none at all leaves a text as it is.
class NormalizerSequence final : public Normalizer {
 public:
  explicit NormalizerSequence(std::vector<std::unique_ptr<Normalizer>> steps)
      : steps_(std::move(steps)) {}
  void append(std::string_view text, std::string& out) const override;

 private:
  std::vector<std::unique_ptr<Normalizer>> steps_;
};

/// Lower case, character by character.
class LowercaseNormalizer final : public Normalizer {
 public:
  void append(std::string_view text, std::string& out) const override;
};

/// Drops combining marks. Accented letters that are one character stay: NFD comes before it.
class StripAccentsNormalizer final : public Normalizer {
 public:
  void append(std::string_view text, std::string& out) const override;
};

/// Drops whitespace at the ends.
class StripNormalizer final : public Normalizer {
 public:
  StripNormalizer(bool left, bool right) : left_(left), right_(right) {}
  void append(std::string_view text, std::string& out) const override;

 private:
  bool left_;
  bool right_;
};

/// Puts a string before every text that is not empty.
class PrependNormalizer final : public Normalizer {
 public:
  explicit PrependNormalizer(std::string prefix) : prefix_(std::move(prefix)) {}
  void append(std::string_view text, std::string& out) const override;

 private:
  std::string prefix_;
};

/// Replaces a string wherever it stands.
class ReplaceNormalizer final : public Normalizer {
 public:
  /// REQUIRES !pattern.empty().
  ReplaceNormalizer(std::string pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  void append(std::string_view text, std::string& out) const override;

 private:
  std::string pattern_;
  std::string content_;
};

/// Replaces every run of two or more spaces (U+0020).
class ReplaceSpacesNormalizer final : public Normalizer {
 public:
  explicit ReplaceSpacesNormalizer(std::string content) : content_(std::move(content)) {}
  void append(std::string_view text, std::string& out) const override;

 private:
  std::string content_;
};

}  // namespace forkdex
