#pragma once

// The words of one chunk as a row holds them: a tsvector whose weights A to D are the fields of a
// chunk and whose positions only count. The docs of PostgreSQL give its limits (12.11).

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace forkdex {

/// Where in a chunk a word stands; in the order of the weights A to D.
enum class WordField : std::uint8_t {
  kName,  ///< name, qualified name, path
  kSignature,
  kDocs,  ///< docstring and comments
  kBody,
};
inline constexpr std::size_t kWordFields = 4;

/// How often a word occurs in each field; a count stops at 255.
using WordCounts = std::array<std::uint8_t, kWordFields>;

/// Collects a chunk's words. REQUIRES that fields are added in their order.
class ChunkWords {
 public:
  /// Adds the words of `text`. Words beyond what a tsvector takes are left out.
  void add(WordField field, std::string_view text);

  /// In the binary format that PostgreSQL receives a tsvector in.
  std::string tsvector() const;

 private:
  std::map<std::string, std::vector<std::uint16_t>, std::less<>> words_;  // positions with weights
  std::uint16_t position_ = 0;                                            // of the last word
  std::size_t bytes_ = 0;                                                 // of words_
};

/// Calls `visit` for each word of a tsvector in its text format ("'a':1A,3 'b':2B"). False where
/// `tsvector` is not one that ChunkWords made; words before the fault were visited.
bool for_each_lexeme(
    std::string_view tsvector,
    const std::function<void(std::string_view word, const WordCounts& counts)>& visit);

}  // namespace forkdex
