#pragma once

// What PATH names, as a run needs it: a folder, or the clone of a URL brought up to date. It can be
// looked at again, because a run that has waited for another finds another state. Owns the use of
// the clone. One thread.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "common/error/result.h"
#include "supervisor/database/repositories.h"
#include "supervisor/repository/listing.h"
#include "supervisor/repository/remote/clone.h"
#include "supervisor/settings/settings.h"

namespace forkdex {

class RepositorySource {
 public:
  struct Events {
    /// A URL is about to be fetched, without its secrets.
    std::function<void(const std::string& url)> fetches;
    /// Another run is waited for: what for and who has it, for a person.
    std::function<void(const std::string& what)> waits;
    /// Asked several times a second; false ends what takes long.
    std::function<bool()> keep_going;
  };
  /// REQUIRES that `settings` outlives this.
  RepositorySource(std::filesystem::path path, const Settings& settings, Events events)
      : path_(std::move(path)), settings_(&settings), events_(std::move(events)) {}

  /// Looks at it; fetches first where it is a URL. BLOCKS until git is done. ERRORS as
  /// inspect_repository, parse_remote_url, Clone::update.
  Result<RepositoryInfo> open();

  /// What the repository is known by, as it was looked at last. ERRORS as PgConnection::run.
  Result<RepositoryIdentity> identity(const RepositoryInfo& repository,
                                      PgConnection& connection) const;

  /// Deletes a clone that this run has made, because nothing will refer to it: `supervisor remove`
  /// could not.
  void discard_new();

 private:
  std::filesystem::path path_;
  const Settings* settings_;
  Events events_;
  std::optional<Clone> clone_;
  std::string made_;  // the URL whose clone this run has made
};

}  // namespace forkdex
