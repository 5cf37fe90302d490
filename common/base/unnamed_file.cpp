#include "common/base/unnamed_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "common/base/io.h"

namespace forkdex {

Error unnamed_file_error(int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  return system_error(full ? ErrorCode::kDiskFull : ErrorCode::kBug,
                      "lists of files cannot be kept in the temporary folder", error);
}

Result<void> append_to_unnamed_file(const UniqueFd& file, std::string_view bytes) {
  if (!write_all(file.get(), bytes)) return unnamed_file_error(errno);
  return {};
}

Result<UniqueFd> open_unnamed_file() {
  std::error_code error;
  std::filesystem::path folder = std::filesystem::temp_directory_path(error);
  if (error) folder = "/tmp";
  UniqueFd file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file.valid()) {
    // Not every file system can do that.
    std::string name = (folder / "forkdex-XXXXXX").string();
    file.reset(::mkostemp(name.data(), O_CLOEXEC));
    if (file.valid()) ::unlink(name.c_str());
  }
  if (!file.valid()) return unnamed_file_error(errno);
  return file;
}

}  // namespace forkdex
