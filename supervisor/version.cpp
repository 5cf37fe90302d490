#include "supervisor/version.h"

#include <string_view>

#include "commit.inc"

namespace forkdex {

std::string version_text() {
  constexpr std::string_view commit = kCommit;
  std::string text = "forkdex " FORKDEX_VERSION;
  if (!commit.empty()) text.append(" (").append(commit).append(")");
  return text + '\n';
}

}  // namespace forkdex
