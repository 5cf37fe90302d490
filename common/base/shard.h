#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace forkdex {

/// One part of a repository's files, cut by a hash of their paths: the same on every machine,
/// whatever else the repository holds.
struct Shard {
  static constexpr std::uint32_t kMost = 65'536;

  std::uint32_t number = 1;  ///< from 1
  std::uint32_t count = 1;

  /// Reads "2/4"; nothing when that is no shard.
  static std::optional<Shard> parse(std::string_view text);
  std::string text() const;

  /// Whether the file at `path` (raw bytes) belongs to it: the first eight bytes of the path's
  /// SHA-256, big-endian, modulo `count`, are `number` - 1.
  bool holds(std::string_view path) const;

  bool operator==(const Shard&) const = default;
};

}  // namespace forkdex
