#pragma once

#include <filesystem>

#include "common/error/result.h"

namespace forkdex {

/// The folder that holds what forkdex keeps on a machine: the embedded database and caches. It may
/// be empty at any start, and nothing in it is installed by hand.
struct DataFolder {
  std::filesystem::path path;  ///< absolute, symbolic links resolved

  /// Finds the folder and creates it where it is missing: $XDG_DATA_HOME/forkdex, else
  /// ~/.local/share/forkdex; for root without XDG_DATA_HOME /var/lib/forkdex, owned by the system
  /// user forkdex where that exists. ERRORS kDatabaseUnusable, kDiskFull.
  static Result<DataFolder> open();
};

}  // namespace forkdex
