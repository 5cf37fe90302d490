#include "worker/parse/pragma.h"

#include <algorithm>
#include <array>

#include "worker/parse/span.h"
#include "worker/parse/words.h"

namespace forkdex {
namespace {

/// What such a line begins with; a word ends where the prefix does.
constexpr std::array<std::string_view, 57> kPrefixes = {
    // Types.
    "@flow", "@noflow", "@ts-check", "@ts-nocheck", "@ts-ignore", "@ts-expect-error", "flowlint",
    "flowlint-line", "flowlint-next-line", "$FlowFixMe", "$FlowIssue", "$FlowIgnore",
    "$FlowExpectedError", "<reference", "<amd-module",
    // Linters.
    "eslint-disable", "eslint-disable-line", "eslint-disable-next-line", "eslint-enable",
    "eslint-env", "tslint:", "jshint", "jslint", "jscs:", "oxlint-disable",
    "oxlint-disable-next-line", "oxlint-disable-line", "biome-ignore", "biome-ignore-all",
    "deno-lint-ignore", "deno-lint-ignore-file", "stylelint-disable", "noinspection", "NOSONAR",
    "cspell:", "spell-checker:",
    // Formatters.
    "@format", "@prettier", "prettier-ignore", "deno-fmt-ignore", "dprint-ignore",
    // Coverage and tests.
    "istanbul ignore", "c8 ignore", "v8 ignore", "node:coverage", "@jest-environment",
    "@vitest-environment",
    // Bundlers and editors.
    "#__PURE__", "@__PURE__", "#__NO_SIDE_EFFECTS__", "@__NO_SIDE_EFFECTS__", "@jsx", "@jsxRuntime",
    "@jsxImportSource", "@vite-ignore", "#region", "#endregion"};

bool begins_with(std::string_view line, std::string_view prefix) {
  if (!line.starts_with(prefix)) return false;
  if (line.size() == prefix.size() || !is_word(prefix.back())) return true;
  return !is_word(line[prefix.size()]) && line[prefix.size()] != '-';
}

bool is_pragma_line(std::string_view line) {
  const auto begins = [&](std::string_view prefix) { return begins_with(line, prefix); };
  return std::ranges::any_of(kPrefixes, begins);
}

}  // namespace

bool is_pragma(std::string_view text) {
  bool found = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = slice(text, trimmed(text, {0, end}));
    if (!line.empty() && !is_pragma_line(line)) return false;
    found = found || !line.empty();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return found;
}

}  // namespace forkdex
