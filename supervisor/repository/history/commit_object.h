#pragma once

// The text of a commit object, read here and not by libgit2, which refuses commits that git itself
// shows: of an author without an address, or with a date that is none. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/repository/commit.h"

namespace forkdex {

/// What a walk needs of a commit.
struct CommitLinks {
  ObjectId tree{};
  std::vector<ObjectId> parents;
  std::int64_t committed_at = 0;  ///< seconds since 1970; 0 where the object has no such time
};

/// Reads the header of `object`; nothing where it has no tree.
std::optional<CommitLinks> commit_links(std::string_view object);

/// Reads author, authored_at and message of `object`: decoded from the encoding that it names, as
/// Latin-1 where it names none and is no UTF-8. NUL becomes a space.
void read_commit_text(std::string_view object, Commit& commit);

}  // namespace forkdex
