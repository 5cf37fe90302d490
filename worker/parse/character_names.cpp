#include "worker/parse/character_names.h"

#include <uniname.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace forkdex {
namespace {

constexpr std::size_t kMaxNameBytes = 256;  // more than the longest name has
constexpr std::string_view kIdeograph = "CJK UNIFIED IDEOGRAPH-";

struct Control {
  std::string_view name;
  char32_t code_point;
};

/// Control characters have aliases only, and libunistring knows none of these.
constexpr std::array kControls = {
    Control{"ACKNOWLEDGE", 0x06},
    Control{"ALERT", 0x07},
    Control{"BACKSPACE", 0x08},
    Control{"BEL", 0x07},
    Control{"CANCEL", 0x18},
    Control{"CARRIAGE RETURN", 0x0D},
    Control{"CHARACTER TABULATION", 0x09},
    Control{"CR", 0x0D},
    Control{"DATA LINK ESCAPE", 0x10},
    Control{"DEL", 0x7F},
    Control{"DELETE", 0x7F},
    Control{"DEVICE CONTROL FOUR", 0x14},
    Control{"DEVICE CONTROL ONE", 0x11},
    Control{"DEVICE CONTROL THREE", 0x13},
    Control{"DEVICE CONTROL TWO", 0x12},
    Control{"END OF LINE", 0x0A},
    Control{"END OF MEDIUM", 0x19},
    Control{"END OF TEXT", 0x03},
    Control{"END OF TRANSMISSION", 0x04},
    Control{"END OF TRANSMISSION BLOCK", 0x17},
    Control{"ENQUIRY", 0x05},
    Control{"ESC", 0x1B},
    Control{"ESCAPE", 0x1B},
    Control{"FF", 0x0C},
    Control{"FILE SEPARATOR", 0x1C},
    Control{"FORM FEED", 0x0C},
    Control{"GROUP SEPARATOR", 0x1D},
    Control{"HORIZONTAL TABULATION", 0x09},
    Control{"INFORMATION SEPARATOR FOUR", 0x1C},
    Control{"INFORMATION SEPARATOR ONE", 0x1F},
    Control{"INFORMATION SEPARATOR THREE", 0x1D},
    Control{"INFORMATION SEPARATOR TWO", 0x1E},
    Control{"LF", 0x0A},
    Control{"LINE FEED", 0x0A},
    Control{"LINE TABULATION", 0x0B},
    Control{"NEGATIVE ACKNOWLEDGE", 0x15},
    Control{"NEL", 0x85},
    Control{"NEW LINE", 0x0A},
    Control{"NEXT LINE", 0x85},
    Control{"NUL", 0x00},
    Control{"NULL", 0x00},
    Control{"RECORD SEPARATOR", 0x1E},
    Control{"SHIFT IN", 0x0F},
    Control{"SHIFT OUT", 0x0E},
    Control{"START OF HEADING", 0x01},
    Control{"START OF TEXT", 0x02},
    Control{"SUBSTITUTE", 0x1A},
    Control{"SYNCHRONOUS IDLE", 0x16},
    Control{"TAB", 0x09},
    Control{"UNIT SEPARATOR", 0x1F},
    Control{"VERTICAL TABULATION", 0x0B},
    Control{"VT", 0x0B},
};
static_assert(std::ranges::is_sorted(kControls, {}, &Control::name));

std::optional<char32_t> ideograph(std::string_view digits) {
  std::uint32_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  if (!whole || value < 0x3400 || value > 0x323AF) return std::nullopt;
  return value;
}

}  // namespace

std::optional<char32_t> character_named(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes) return std::nullopt;
  std::string capitals(name);
  for (char& c : capitals) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  const auto control = std::ranges::lower_bound(kControls, capitals, {}, &Control::name);
  if (control != kControls.end() && control->name == capitals) return control->code_point;
  if (capitals.starts_with(kIdeograph))
    return ideograph(std::string_view(capitals).substr(kIdeograph.size()));
  const ucs4_t found = unicode_name_character(capitals.c_str());
  if (found == UNINAME_INVALID) return std::nullopt;
  return found;
}

}  // namespace forkdex
