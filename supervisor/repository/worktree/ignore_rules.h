#pragma once

// What gitignore(5) says about a path. Pure: the caller reads the files, says which folder each
// stands in, and asks about a path only when no folder above it is ignored, for nothing below an
// ignored folder can be taken back. Rules speak of paths relative to one top folder.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace forkdex {

/// The patterns of one ignore file.
class IgnoreFile {
 public:
  enum class Verdict : std::uint8_t { kSilent, kIgnored, kKept };

  /// Files beyond this are no list of patterns a person or a tool wrote; readers pass over them.
  static constexpr std::size_t kMaxBytes = std::size_t{4} << 20;

  /// REQUIRES text.size() <= kMaxBytes.
  IgnoreFile(std::string text, bool fold_case);

  /// What the last matching pattern says. `path` is relative to the file's folder, without a
  /// trailing '/'.
  Verdict judge(std::string_view path, bool is_folder) const;

 private:
  struct Pattern {  // a view into text_ by offset, so that moving the file keeps it valid
    std::uint32_t begin;
    std::uint32_t length;
    std::uint32_t literal;  ///< bytes before the first wildcard
    bool kept;              ///< starts with '!'
    bool folder_only;
    bool by_base_name;  ///< no '/' in it
    bool by_suffix;     ///< '*' and then no wildcard
  };

  void add_line(std::size_t begin, std::size_t end);
  bool matches(const Pattern& pattern, std::string_view path, std::string_view base_name) const;
  bool matches_base_name(const Pattern& pattern, std::string_view base_name) const;
  bool matches_path(const Pattern& pattern, std::string_view path) const;

  std::string text_;
  bool fold_case_;
  std::vector<Pattern> patterns_;
};

/// The ignore files that apply at one point of a walk, the weakest first.
class IgnoreRules {
 public:
  explicit IgnoreRules(bool fold_case) : fold_case_(fold_case) {}

  /// Adds a stronger file. Its patterns speak of what is below the folder whose path, trailing '/'
  /// included, is the first `folder_bytes` bytes of every path asked about until pop().
  void push(std::size_t folder_bytes, std::string text);
  void pop() { levels_.pop_back(); }

  /// Whether `path` (relative to the top, no trailing '/') is ignored by a rule of its own.
  bool ignored(std::string_view path, bool is_folder) const;

 private:
  struct Level {
    std::size_t folder_bytes;
    IgnoreFile file;
  };
  bool fold_case_;
  std::vector<Level> levels_;
};

}  // namespace forkdex
