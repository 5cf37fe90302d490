#pragma once

#include <string>
#include <string_view>

#include "worker/embed/tokenizer/normalizer.h"

namespace forkdex {

/// The normal forms of The Unicode Standard, annex 15: NFC, NFD, NFKC and NFKD.
class NormalFormNormalizer final : public Normalizer {
 public:
  struct Form {
    bool compatibility = false;  ///< the K: ligatures, widths and styles are dissolved too
    bool compose = false;        ///< the C: what can be one character is
  };

  explicit NormalFormNormalizer(Form form) : form_(form) {}
  void append(std::string_view text, std::string& out) const override;

 private:
  std::u32string decomposed(std::string_view text) const;

  Form form_;
};

}  // namespace forkdex
