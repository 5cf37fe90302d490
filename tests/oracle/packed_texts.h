#pragma once

// How the Python side hands texts over: each a 32-bit length in the machine's byte order, then its
// bytes (texts.py packs them).

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace forkdex::oracle {

/// Views into `input`. A text that is cut short ends where the input ends.
inline std::vector<std::string_view> split_packed_texts(std::string_view input) {
  std::vector<std::string_view> texts;
  std::uint32_t length;
  while (input.size() >= sizeof length) {
    std::memcpy(&length, input.data(), sizeof length);
    texts.push_back(input.substr(sizeof length, length));
    input.remove_prefix(sizeof length + texts.back().size());
  }
  return texts;
}

}  // namespace forkdex::oracle
