#pragma once

// The files of a model folder that are JSON, for what reads such a folder.

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "common/error/error.h"

namespace forkdex {

/// Thrown while a model folder is read, and caught where that is asked for: ModelFolder::read(),
/// EncoderConfig::read(), Tokenizer::open().
struct Unusable {
  std::string sentence;
  std::filesystem::path file;
  ErrorCode code = ErrorCode::kModelUnusable;
};

/// The bytes of a regular file, or nothing when there is no such file. Throws Unusable where it
/// can't be read.
std::optional<std::string> read_text(const std::filesystem::path& file);

/// What is in `file`, or an empty object when there is no such file. Members that are null are left
/// out: libraries write them for what is not set. Throws Unusable.
nlohmann::json read_optional_json(const std::filesystem::path& file);

/// The same of a file that has to be there.
nlohmann::json read_required_json(const std::filesystem::path& file);

/// What a whole number may be, both ends included, and what is said of one that it may not be.
struct Bounds {
  std::uint64_t least = 1;
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  std::string_view complaint = "of the model folder's configuration is not a number";

  Bounds from(std::uint64_t other_least) const { return {other_least, most, complaint}; }

  /// Throws Unusable: "`key` `complaint`".
  [[noreturn]] void refuse(std::string_view key, const std::filesystem::path& file) const;
};

/// The whole number under `key`. Throws Unusable as Bounds::refuse() does, where it is missing, not
/// a whole number or out of bounds.
std::uint64_t whole_number(const nlohmann::json& object, const char* key, const Bounds& bounds,
                           const std::filesystem::path& file);

/// A string as it is, any other value as JSON: how a sentence names what it refuses.
std::string shown(const nlohmann::json& value);

/// Throws Unusable: "`what` `value` is not supported".
[[noreturn]] void refuse(std::string_view what, const nlohmann::json& value,
                         const std::filesystem::path& file);

/// Throws Unusable where `key` is there and not `wanted`: absent it is that anyway.
void require(const nlohmann::json& object, const char* key, const nlohmann::json& wanted,
             const std::filesystem::path& file);

/// Throws Unusable where `key` is there.
void require_absent(const nlohmann::json& object, const char* key,
                    const std::filesystem::path& file);

/// The object's member, or `fallback` where it has none. Throws Unusable, naming `key`, where that
/// is of another type.
template <class T>
T member_or(const nlohmann::json& object, const char* key, T fallback,
            const std::filesystem::path& file) {
  const auto found = object.find(key);
  if (found == object.end()) return fallback;
  try {
    return found->get<T>();
  } catch (const nlohmann::json::exception&) {
    refuse(key, *found, file);
  }
}

}  // namespace forkdex
