#include "worker/store/copy_encoder.h"

#include <bit>
#include <cassert>
#include <limits>

namespace forkdex {
namespace {

constexpr std::string_view kSignature("PGCOPY\n\377\r\n\0", 11);
constexpr std::uint8_t kJsonbVersion = 1;

}  // namespace

std::uint16_t half_from_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<std::uint16_t>(sign | 0x7e00u);  // NaN
  // 65520 is halfway between the largest half and the next power of two: it rounds to infinity.
  if (magnitude >= 0x477ff000u) return static_cast<std::uint16_t>(sign | 0x7c00u);
  if (magnitude >= 0x38800000u) {
    // Normal: rebias the exponent, round the 13 bits that go away to even.
    const std::uint32_t rebiased = magnitude - 0x38000000u;
    const std::uint32_t odd = (rebiased >> 13) & 1u;
    return static_cast<std::uint16_t>(sign | ((rebiased + 0xfffu + odd) >> 13));
  }
  // Subnormal: in units of 2^-24. Adding 0.5f aligns the mantissa so that the processor rounds.
  const float aligned = std::bit_cast<float>(magnitude) + 0.5f;
  return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(aligned) - 0x3f000000u));
}

CopyEncoder::CopyEncoder() { clear(); }

void CopyEncoder::clear() {
  buffer_.assign(kSignature);
  big_endian(std::uint32_t{0});  // flags
  big_endian(std::uint32_t{0});  // length of the header's extension
  rows_ = 0;
}

template <class Unsigned>
void CopyEncoder::big_endian(Unsigned value) {
  for (int shift = 8 * (static_cast<int>(sizeof value) - 1); shift >= 0; shift -= 8)
    buffer_ += static_cast<char>((value >> shift) & 0xff);
}

void CopyEncoder::length(std::size_t bytes) {
  assert(bytes <= static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()));
  big_endian(static_cast<std::uint32_t>(bytes));
}

CopyEncoder& CopyEncoder::row(std::int16_t fields) {
  ++rows_;
  big_endian(static_cast<std::uint16_t>(fields));
  return *this;
}

CopyEncoder& CopyEncoder::null() {
  big_endian(std::uint32_t{0xffffffffu});
  return *this;
}

CopyEncoder& CopyEncoder::text(std::string_view value) {
  length(value.size());
  buffer_ += value;
  return *this;
}

CopyEncoder& CopyEncoder::bytea(std::span<const std::uint8_t> value) {
  length(value.size());
  buffer_.append(reinterpret_cast<const char*>(value.data()), value.size());
  return *this;
}

CopyEncoder& CopyEncoder::int4(std::int32_t value) {
  length(4);
  big_endian(static_cast<std::uint32_t>(value));
  return *this;
}

CopyEncoder& CopyEncoder::int8(std::int64_t value) {
  length(8);
  big_endian(static_cast<std::uint64_t>(value));
  return *this;
}

CopyEncoder& CopyEncoder::jsonb(std::string_view json) {
  length(json.size() + 1);
  buffer_ += static_cast<char>(kJsonbVersion);
  buffer_ += json;
  return *this;
}

CopyEncoder& CopyEncoder::tsvector(std::string_view lexemes) {
  length(lexemes.size());
  buffer_ += lexemes;
  return *this;
}

std::string_view CopyEncoder::finish() {
  big_endian(std::uint16_t{0xffffu});
  return buffer_;
}

}  // namespace forkdex
