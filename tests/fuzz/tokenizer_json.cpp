// A model folder's tokenizer.json: any document is refused or makes a tokenizer that works.

#include <cstdint>
#include <string_view>
#include <vector>

#include "tests/fuzz/fuzz_target.h"
#include "tests/support/temporary_folder.h"
#include "worker/embed/tokenizer/tokenizer.h"

namespace forkdex::fuzz {
namespace {

void check(std::string_view bytes) {
  const test::TemporaryFolder folder;
  folder.write("tokenizer.json", bytes);
  const auto tokenizer = Tokenizer::open(folder.path());
  if (!tokenizer) {
    expect(tokenizer.error().code == ErrorCode::kModelUnusable, "the error is the model's");
    return;
  }
  for (const std::string_view text : {"", "a B\xC3\xA9 [SEP] abb, c", "\xE4\xB8\xAD\xFF \t[CLS]x",
                                      "  ``x  <s>don't  B\xCC\x81"}) {
    std::vector<std::int32_t> ids;
    const std::size_t counted = (*tokenizer)->count(text);
    expect((*tokenizer)->encode(text, 1000, ids) == ids.size(), "as many tokens as it says");
    expect(counted == ids.size() || counted > 1000, "as many tokens as are counted");
  }
}

const Registration kTarget("tokenizer_json", check);

}  // namespace
}  // namespace forkdex::fuzz
