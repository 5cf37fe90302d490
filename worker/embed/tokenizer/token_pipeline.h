#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "worker/embed/tokenizer/added_tokens.h"
#include "worker/embed/tokenizer/normalizer.h"
#include "worker/embed/tokenizer/pre_tokenizer.h"
#include "worker/embed/tokenizer/token_model.h"
#include "worker/embed/tokenizer/tokenizer.h"

namespace forkdex {

/// The parts of tokenizer.json at work: between literal tokens, normalizer, then pre-tokenizer,
/// then model; special tokens around it all. Immutable: several threads may use one.
class TokenPipeline final : public Tokenizer {
 public:
  struct Parts {
    std::unique_ptr<Normalizer> normalizer;
    std::unique_ptr<PreTokenizer> pre_tokenizer;
    std::unique_ptr<TokenModel> model;
    AddedTokens raw_tokens;            ///< looked for in the text as it is
    AddedTokens normalized_tokens;     ///< looked for in the normal form
    std::vector<std::int32_t> before;  ///< special tokens before the text
    std::vector<std::int32_t> after;   ///< and after it
    std::int32_t largest_id = 0;       ///< of all these
  };

  /// REQUIRES the three pointers.
  explicit TokenPipeline(Parts parts) : parts_(std::move(parts)) {}

  std::size_t encode(std::string_view text, std::size_t max_tokens,
                     std::vector<std::int32_t>& ids) const override;
  std::size_t count(std::string_view text) const override;
  std::int32_t largest_id() const override { return parts_.largest_id; }

 private:
  void append_content(std::string_view text, std::size_t limit,
                      std::vector<std::int32_t>& ids) const;
  void append_valid(std::string_view text, std::size_t limit, std::vector<std::int32_t>& ids) const;
  void append_normalized(std::string_view text, bool at_start, std::size_t limit,
                         std::vector<std::int32_t>& ids) const;

  Parts parts_;
};

}  // namespace forkdex
