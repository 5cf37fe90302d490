#pragma once

#include <filesystem>
#include <vector>

namespace forkdex {

/// The folders that hold the objects of a store at `own` (…/objects): that one first, then its
/// alternates and theirs, symbolic links resolved. An alternate that is then neither called
/// `objects` nor holds what an object store holds is left out: naming one must not open any folder
/// to workers.
std::vector<std::filesystem::path> object_folders_of(const std::filesystem::path& own);

}  // namespace forkdex
