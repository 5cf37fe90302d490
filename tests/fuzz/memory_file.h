#pragma once

// A file without a name beneath a folder, for what is to be read from a path.

#include <string>
#include <string_view>

#include "common/base/unique_fd.h"

namespace forkdex::fuzz {

/// A regular file in memory that holds `bytes`; gone with the object.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes);

  int fd() const { return fd_.get(); }
  /// Opens the same bytes for as long as the object lives.
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }

 private:
  UniqueFd fd_;
};

/// Everything that the file behind `fd` holds.
std::string contents_of(int fd);

}  // namespace forkdex::fuzz
