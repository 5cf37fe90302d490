#pragma once

#include <string>
#include <string_view>

namespace forkdex {

/// The first line of libpq's message, without "LOCATION" and hints on further lines.
inline std::string first_line(const char* message) {
  std::string_view text(message ? message : "");
  text = text.substr(0, text.find('\n'));
  return std::string(text);
}

}  // namespace forkdex
