#include "supervisor/run/repository_source.h"

#include <utility>

#include "common/base/path_text.h"

namespace forkdex {

Result<RepositoryInfo> RepositorySource::open() {
  if (!names_remote(path_)) return inspect_repository(path_, settings_->rev);
  const auto url = parse_remote_url(path_.native());
  if (!url) return url.error();
  events_.fetches(url->shown);
  clone_.reset();  // our own use of it would keep git from packing it
  Clone::Manners manners;
  manners.keep_going = events_.keep_going;
  // Shards that start side by side need one and the same fetch.
  manners.wait = settings_->wait || settings_->shard;
  manners.waits = events_.waits;
  auto clone = Clone::update(*url, manners);
  if (!clone) return clone.error();
  if (clone->is_new()) made_ = url->shown;
  clone_.emplace(*std::move(clone));
  return clone_->inspect(settings_->rev);
}

Result<RepositoryIdentity> RepositorySource::identity(const RepositoryInfo& repository,
                                                      PgConnection& connection) const {
  RepositoryIdentity identity;
  identity.name = settings_->repository.empty() ? name_from_path(repository.default_name)
                                                : settings_->repository;
  identity.root = repository.root.string();
  identity.remote = repository.remote;
  identity.folder = repository.folder;
  if (repository.remote) return identity;
  const auto known = stored_root_commit(connection, identity.name);
  if (!known) return known.error();
  if (auto root = find_root_commit(repository, *known)) {
    identity.root_commit = std::move(root->commit);
    identity.root_commit_head = std::move(root->head);
  }
  return identity;
}

void RepositorySource::discard_new() {
  clone_.reset();
  // Where it cannot be removed somebody else uses it, and it is theirs.
  if (!made_.empty()) static_cast<void>(remove_clone(std::exchange(made_, {})));
}

}  // namespace forkdex
