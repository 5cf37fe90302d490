#pragma once

// A struct's fields as bytes: for what crosses between the programs, for spools and for the fuzz
// targets. A struct names its fields once, in a visit_fields of its own namespace, which serves
// both directions:
//
//   template <class Visit, FieldsOf<Point> Self>
//   void visit_fields(Visit&& visit, Self& point) {
//     visit(point.x, point.y);
//   }
//
// Both ends are programs of one build on one machine: numbers cross as they stand in memory. What
// is read may have been written by a process gone wrong: a length is never believed.

#include <concepts>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/base/hash.h"

namespace forkdex {

/// A struct, const where its fields are written out.
template <class Self, class Struct>
concept FieldsOf = std::same_as<std::remove_const_t<Self>, Struct>;

/// What is copied byte by byte. Not bool, which has bytes that are no value.
template <class T>
concept PlainField = (std::is_arithmetic_v<T> && !std::same_as<T, bool>) || std::is_enum_v<T> ||
                     std::same_as<T, Sha256>;

/// Appends fields to `bytes`.
class FieldWriter {
 public:
  explicit FieldWriter(std::string& bytes) : bytes_(bytes) {}

  template <class... Fields>
  void operator()(const Fields&... fields) {
    (put(fields), ...);
  }

 private:
  template <PlainField T>
  void put(const T& value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void put(bool value) { put(static_cast<std::uint8_t>(value)); }
  void put(const std::string& text) {
    put(static_cast<std::uint32_t>(text.size()));
    bytes_ += text;
  }
  void put(const std::filesystem::path& path) { put(path.string()); }
  template <class T>
  void put(const std::vector<T>& items) {
    put(static_cast<std::uint32_t>(items.size()));
    for (const T& item : items) put(item);
  }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class Struct>
  void put(const Struct& value) {
    visit_fields(*this, value);
  }

  std::string& bytes_;
};

/// Takes fields off the front of `bytes`, in the order they were written in.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : bytes_(bytes) {}

  template <class... Fields>
  void operator()(Fields&... fields) {
    (take(fields), ...);
  }

  /// Whether every field was there, and nothing is left.
  bool is_whole() const { return !short_ && bytes_.empty(); }

 private:
  /// The next `size` bytes; nothing, from then on, where there are fewer.
  std::string_view next(std::size_t size) {
    if (size > bytes_.size()) short_ = true;
    if (short_) return {};
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }

  template <PlainField T>
  void take(T& value) {
    const std::string_view taken = next(sizeof value);
    if (!short_) std::memcpy(&value, taken.data(), sizeof value);
  }
  void take(bool& value) {
    std::uint8_t byte = 0;
    take(byte);
    value = byte != 0;
  }
  void take(std::string& text) {
    std::uint32_t size = 0;
    take(size);
    text = next(size);
  }
  void take(std::filesystem::path& path) {
    std::string text;
    take(text);
    path = text;
  }
  template <class T>
  void take(std::vector<T>& items) {
    std::uint32_t size = 0;
    take(size);
    items.clear();
    for (std::uint32_t i = 0; i < size && !short_; ++i) take(items.emplace_back());
  }
  template <class T>
  void take(std::optional<T>& value) {
    bool is_there = false;
    take(is_there);
    value.reset();
    if (is_there && !short_) take(value.emplace());
  }
  template <class Struct>
  void take(Struct& value) {
    visit_fields(*this, value);
  }

  std::string_view bytes_;
  bool short_ = false;
};

template <class Struct>
std::string encode(const Struct& value) {
  std::string bytes;
  FieldWriter writer(bytes);
  writer(value);
  return bytes;
}

/// What encode() made `bytes` of; nothing where it cannot have made them.
template <class Struct>
std::optional<Struct> decode(std::string_view bytes) {
  Struct value;
  FieldReader reader(bytes);
  reader(value);
  return reader.is_whole() ? std::optional(std::move(value)) : std::nullopt;
}

}  // namespace forkdex
