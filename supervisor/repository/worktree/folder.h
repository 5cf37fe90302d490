#pragma once

// Folders read without ever following a symbolic link below a starting point: every step is one
// openat of one name. Symbolic links that take a component's place in the meantime are refused.

#include <dirent.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/unique_fd.h"

namespace forkdex {

/// What a folder's entry is, as far as reading the folder tells.
enum class EntryType : std::uint8_t { kFolder, kOther };

/// The names in one folder, kept in one block of memory.
class FolderNames {
 public:
  struct Entry {
    std::uint32_t offset;
    std::uint16_t length;
    EntryType type;
    std::uint8_t tag = 0;  ///< the caller's
  };

  std::string_view name(const Entry& entry) const {
    return std::string_view(names_).substr(entry.offset, entry.length);
  }
  /// The same, ended by a NUL byte.
  const char* c_name(const Entry& entry) const { return names_.c_str() + entry.offset; }
  void add(std::string_view name, EntryType type);
  std::vector<Entry>& entries() { return entries_; }

 private:
  std::string names_;
  std::vector<Entry> entries_;
};

/// Opens the folder `name` of `parent`; errno says why not (ELOOP or ENOTDIR: it is a link).
UniqueFd open_folder(int parent, const char* name);

/// Opens the folder at `path` ('/'-separated, relative; empty: a duplicate of `top`) step by step.
UniqueFd open_folder_below(int top, std::string_view path);

/// Reads every name but "." and "..", in no order. ERRORS: nothing, errno says why.
std::optional<FolderNames> read_folder(int folder);

/// Whether a symbolic link in the last place is gone through; only outside the listed folder.
enum class Links : std::uint8_t { kRefuse, kFollow };

/// Reads the regular file `name` of `folder`, never waiting for a FIFO. Nothing if it is something
/// else, larger than `max_bytes` or not readable.
std::optional<std::string> read_small_file(int folder, const char* name, std::size_t max_bytes,
                                           Links links = Links::kRefuse);

/// Whether the folder `name` of `parent` is the work tree of a repository: its `.git` is a
/// repository's folder or a file that leads to one.
bool is_work_tree(int parent, const char* name);

}  // namespace forkdex
