#include "supervisor/repository/history/history.h"

#include <algorithm>
#include <fstream>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <git2.h>

#include "common/base/hash.h"
#include "common/base/path_text.h"
#include "supervisor/repository/history/history_walk.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;

/// Another number has every history walked anew: for when what is found in one changes.
constexpr std::string_view kEdition = "1";

/// Where `root` lies in `work_tree`: "" for its top, else ending with '/'.
std::string prefix_of(const fs::path& work_tree, const fs::path& root) {
  const std::string below = root.lexically_relative(work_tree).native();
  return below == "." || below.empty() ? "" : below + '/';
}

/// The commits at which a shallow clone ends, in order. libgit2 knows of the file, and not of what
/// it means for a walk.
std::vector<ObjectId> read_boundary(git_repository* repository) {
  std::vector<ObjectId> boundary;
  std::ifstream file(fs::path(git_repository_commondir(repository)) / "shallow");
  for (std::string line; std::getline(file, line);)
    if (const auto id = object_id(std::string_view(line).substr(0, 40))) boundary.push_back(*id);
  std::sort(boundary.begin(), boundary.end());
  return boundary;
}

}  // namespace

Result<History> History::open(const fs::path& root) {
  auto repository = GitRepository::discover(root);
  if (!repository) return repository.error();
  if (!*repository)
    return Error{ErrorCode::kRepositoryUnusable,
                 fmt::format("{} is no git repository any more", display_path(root.native())), ""};
  History history(**std::move(repository));
  if (!history.repository_.is_bare())
    history.prefix_ = prefix_of(history.repository_.work_tree(), root);
  const std::vector<ObjectId> boundary = read_boundary(history.repository_.handle());
  FieldHasher scope;
  scope.add(kEdition).add(history.prefix_);
  for (const ObjectId& id : boundary) scope.add(hex(id));
  history.scope_ = hex(scope.finish());
  history.cut_off_.insert(boundary.begin(), boundary.end());
  return history;
}

bool History::has(const ObjectId& commit) const {
  git_odb* objects = nullptr;
  if (git_repository_odb(&objects, repository_.handle()) != 0) return false;
  git_oid oid;
  std::copy(commit.begin(), commit.end(), oid.id);
  const bool exists = git_odb_exists(objects, &oid) == 1;
  git_odb_free(objects);
  return exists;
}

Result<History::Walked> History::walk(const ObjectId& head, const std::optional<ObjectId>& old_head,
                                      PathSets* paths, const Visitor& visitor) {
  HistoryWalk walk(repository_.handle(), prefix_, cut_off_, paths, visitor);
  return walk.run(head, old_head);
}

}  // namespace forkdex
