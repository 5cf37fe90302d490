#pragma once

// Rows in the binary format of `COPY … FROM STDIN (FORMAT binary)`: no quoting, no parsing on the
// server. Memory only; what it holds is lost when killed.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace forkdex {

/// The nearest half-precision float (IEEE 754 binary16, ties to even); beyond its range, infinity.
std::uint16_t half_from_float(float value);

/// Builds one COPY stream. Call row(n), then exactly n fields, for each row; then finish().
class CopyEncoder {
 public:
  CopyEncoder();

  CopyEncoder& row(std::int16_t fields);
  CopyEncoder& null();
  /// REQUIRES UTF-8 without NUL; the server refuses the row otherwise (SQLSTATE 22021).
  CopyEncoder& text(std::string_view value);
  CopyEncoder& bytea(std::span<const std::uint8_t> value);
  CopyEncoder& int4(std::int32_t value);
  CopyEncoder& int8(std::int64_t value);
  CopyEncoder& jsonb(std::string_view json);
  /// A tsvector in its binary format (common/words/lexemes.h).
  CopyEncoder& tsvector(std::string_view lexemes);

  std::size_t rows() const { return rows_; }
  std::size_t bytes() const { return buffer_.size(); }

  /// Ends the stream and shows it; valid until clear() or destruction.
  std::string_view finish();
  /// Begins a new stream, keeping the memory.
  void clear();

 private:
  void length(std::size_t bytes);
  template <class Unsigned>
  void big_endian(Unsigned value);

  std::string buffer_;
  std::size_t rows_ = 0;
};

}  // namespace forkdex
