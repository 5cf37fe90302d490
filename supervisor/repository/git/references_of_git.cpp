#include "supervisor/repository/git/references_of_git.h"

#include <fmt/format.h>

#include "common/base/io.h"

namespace forkdex {
namespace {

Error unread(const std::string& why) {
  return {
      ErrorCode::kRepositoryUnusable,
      fmt::format("its references are in a reftable, which only git 2.45 and later reads, and {}; "
                  "install such a git, or index a clone made with `git clone "
                  "--ref-format=files`",
                  why),
      ""};
}

}  // namespace

Result<std::optional<std::string>> commit_by_git(const GitPlace& place,
                                                 const std::string& revision) {
  constexpr int kNone = 1;
  const auto answer = ask_git(
      place, {"rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"});
  if (!answer) return unread(answer.error().sentence);
  if (answer->status == kNone) return std::optional<std::string>();
  if (answer->status != 0) return unread(git_refused(*answer).sentence);
  auto text = read_to_end(answer->output.get());
  while (text && text->ends_with('\n')) text->pop_back();
  return text;
}

Result<bool> has_branches_by_git(const GitPlace& place) {
  const auto names = ask_git_for_text(place, {"for-each-ref", "--count=1", "refs/heads"});
  if (!names) return unread(names.error().sentence);
  return !names->empty();
}

}  // namespace forkdex
