#pragma once

// A commit between the history that it is read from and the rows that it becomes.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/hash.h"

namespace forkdex {

/// A git object's id, as bytes.
using ObjectId = std::array<std::uint8_t, 20>;

/// The id in hex, and back; nothing for what is not 40 hex digits.
std::string hex(const ObjectId& id);
std::optional<ObjectId> object_id(std::string_view hex);

/// Any bytes of an id are as good a hash as all of them.
struct ObjectIdHash {
  std::size_t operator()(const ObjectId& id) const {
    std::size_t hash;
    std::memcpy(&hash, id.data(), sizeof hash);
    return hash;
  }
};

/// A commit as it is stored. All text is UTF-8 without NUL, but for the paths, which are bytes.
struct Commit {
  ObjectId id{};
  std::string author;              ///< "Name <address>"
  std::int64_t authored_at = 0;    ///< seconds since 1970
  std::string message;             ///< without blank lines around it; its first kMostMessageBytes
  std::vector<std::string> files;  ///< relative to the root; the first kMostFiles in git's order
  std::uint64_t file_count = 0;    ///< of all files that differ from those of every parent

  static constexpr std::size_t kMostMessageBytes = std::size_t{1} << 20;
  static constexpr std::size_t kMostFiles = 10'000;
};

/// The last commit that changed a path; nothing where it has none.
struct LastCommit {
  Sha256 path_hash{};
  std::optional<ObjectId> commit;
};

/// The first commit of the first-parent line that leads to `head`, both hex.
struct RootCommit {
  std::string commit;
  std::string head;
};

}  // namespace forkdex
