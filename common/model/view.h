#pragma once

// What of a chunk is embedded: its source, and what it says of itself in words. Each has a model of
// its own, or none.

#include <array>
#include <cstdint>

namespace forkdex {

enum class View : std::uint8_t {
  kCode,  ///< the source alone, so that a vector survives moves, copies and branches
  kText,  ///< path and names as words, docstring and comments; of a document, the section
};

inline constexpr std::array kViews = {View::kCode, View::kText};

/// One of something for each view.
template <class T>
struct PerView {
  T code{};
  T text{};

  T& operator[](View view) { return view == View::kCode ? code : text; }
  const T& operator[](View view) const { return view == View::kCode ? code : text; }
  bool operator==(const PerView&) const = default;
};

}  // namespace forkdex
