#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <type_traits>

#include <nlohmann/json.hpp>

namespace forkdex {

/// Thrown while tokenizer.json is read, and caught in Tokenizer::open(): what it asks for and
/// forkdex does not do.
struct Unsupported {
  std::string what;
};

/// A JSON object's member, or null where it has none.
const nlohmann::json& member(const nlohmann::json& object, const char* name);

/// One part of tokenizer.json, read option by option. An option that nobody asks for would change
/// token ids unnoticed; so finish() refuses it by its name. Refers to the document.
class JsonPart {
 public:
  /// `section` is what errors call it, for instance "normalizer". Throws Unsupported where
  /// `object` is no object.
  JsonPart(std::string section, const nlohmann::json& object);

  /// "normalizer NFC"; "normalizer null" for none.
  std::string name() const;
  const std::string& type() const { return type_; }
  const nlohmann::json& operator[](const char* option);

  /// The option's value, or `fallback` where it is absent or null. ERRORS json::exception where it
  /// is of another type; throws Unsupported where it is no size.
  template <class T>
  T get(const char* option, T fallback) {
    const nlohmann::json& value = (*this)[option];
    if (value.is_null()) return fallback;
    // Converting a fraction is undefined where it is out of range.
    if constexpr (std::is_same_v<T, std::size_t>)
      if (!value.is_number_unsigned()) refuse(option, value);
    return value.get<T>();
  }

  /// For an option that decides no token id: where a token stands in the text, for instance.
  void ignore(const char* option) { known_.insert(option); }
  /// Throws Unsupported unless the option is absent, null or `value`.
  void expect(const char* option, const nlohmann::json& value);
  /// Throws Unsupported where there is an option that was not asked for.
  void finish() const;

 private:
  [[noreturn]] void refuse(const char* option, const nlohmann::json& value) const;

  std::string section_;
  const nlohmann::json& object_;
  std::string type_;
  std::set<std::string, std::less<>> known_;
};

/// A token's id. Throws Unsupported where it is no integer, negative or past 2^31 - 1.
std::int32_t token_id(const nlohmann::json& value);

/// Returns `token`. Throws Unsupported where it is longer than any real one: what is matched byte
/// by byte would make a text cost its length times the token's.
inline constexpr std::size_t kLongestToken = 1024;
std::string checked_token(std::string token);

}  // namespace forkdex
