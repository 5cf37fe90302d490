#pragma once

// An index as the git program lists it (git-ls-files(1)), whatever form its file has.
//
// git would write where it only has to read: it sets the time of a split index's shared part, and
// that of trees which it unfolds. So it gets a folder of its own with a copy of the index and with
// no objects, which borrows only the configuration from the repository, as a linked work tree's
// does; the folder is removed afterwards. The folders of a sparse index are unfolded here. Killed
// in the middle, a folder `forkdex-index-…` is left among the temporary files.

#include <filesystem>
#include <memory>

#include "common/error/result.h"
#include "supervisor/repository/git/git_index.h"
#include "supervisor/repository/git/git_query.h"

struct git_repository;

namespace forkdex {

/// What libgit2 does not read of an index.
enum class IndexForm {
  kSplit,   ///< its entries are in two files
  kSparse,  ///< it has folders for entries
  kOther,
};

/// Has git list the index `file`, of the form `form`, of the opened repository at `place`. BLOCKS
/// while git runs. ERRORS kRepositoryUnusable: the sentence, a part of one, is why it cannot.
Result<std::unique_ptr<const IndexEntries>> list_index(const std::filesystem::path& file,
                                                       IndexForm form, const GitPlace& place,
                                                       git_repository* repository);

}  // namespace forkdex
