#include "common/base/shard.h"

#include <charconv>

#include <fmt/format.h>

#include "common/base/hash.h"

namespace forkdex {

std::optional<Shard> Shard::parse(std::string_view text) {
  Shard shard;
  const char* const end = text.data() + text.size();
  const auto number = std::from_chars(text.data(), end, shard.number);
  if (number.ec != std::errc() || number.ptr == end || *number.ptr != '/') return std::nullopt;
  const auto count = std::from_chars(number.ptr + 1, end, shard.count);
  if (count.ec != std::errc() || count.ptr != end) return std::nullopt;
  if (shard.number < 1 || shard.number > shard.count || shard.count > kMost) return std::nullopt;
  return shard;
}

std::string Shard::text() const { return fmt::format("{}/{}", number, count); }

bool Shard::holds(std::string_view path) const {
  if (count == 1) return true;
  const Sha256 hash = sha256(path);
  std::uint64_t head = 0;
  for (int byte = 0; byte < 8; ++byte) head = head << 8 | hash[static_cast<std::size_t>(byte)];
  return head % count == number - 1;
}

}  // namespace forkdex
