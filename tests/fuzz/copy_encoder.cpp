// COPY rows: whatever the values, a reader of the format finds them again. Floats become their
// nearest halves.

#include "worker/store/copy_encoder.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/fuzz_target.h"

namespace forkdex::fuzz {
namespace {

/// Reads a stream as PostgreSQL's manual describes it.
class CopyReader {
 public:
  explicit CopyReader(std::string_view stream) : rest_(stream) {
    expect(take(11) == std::string_view("PGCOPY\n\377\r\n\0", 11), "the signature");
    expect(number(4) == 0 && number(4) == 0, "no flags, no extension");
  }

  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    for (const char byte : take(bytes)) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
  }

  /// The next field's bytes; nothing for NULL.
  std::string_view field(bool* is_null = nullptr) {
    const std::uint64_t length = number(4);
    if (is_null) *is_null = length == 0xffffffff;
    return length == 0xffffffff ? std::string_view() : take(length);
  }

  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view take(std::size_t bytes) {
    expect(bytes <= rest_.size(), "the stream is as long as it says");
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }
  std::string_view rest_;
};

double widened(std::uint16_t half) {
  const int exponent = (half >> 10) & 0x1f;
  const int fraction = half & 0x3ff;
  const double magnitude = exponent == 0x1f ? std::numeric_limits<double>::infinity()
                           : exponent == 0  ? std::ldexp(fraction, -24)
                                            : std::ldexp(1024 + fraction, exponent - 25);
  return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

void check_half(float value, std::uint16_t half) {
  if (std::isnan(value)) return expect((half & 0x7fff) > 0x7c00, "not a number stays none");
  expect(std::signbit(value) == ((half & 0x8000) != 0), "a sign stays");
  constexpr double kFirstInfinite = 65520;
  if (std::fabs(value) >= kFirstInfinite)
    return expect((half & 0x7fff) == 0x7c00, "too large becomes infinite");
  // Half a unit of the last place, which below the normal numbers is that of the smallest.
  const double unit = std::ldexp(1.0, std::max(std::ilogb(value == 0 ? 1.0f : value), -14) - 10);
  expect(std::fabs(widened(half) - double{value}) <= unit / 2, "the nearest half");
}

struct Row {
  std::string text;
  std::string bytes;
  std::int64_t number;
  std::vector<float> vector;
};

constexpr std::int16_t kFields = 6;

Row read_row(Input& input) {
  Row row{.text = std::string(input.line()),
          .bytes = std::string(input.bytes(input.number<std::uint8_t>())),
          .number = static_cast<std::int64_t>(input.number<std::uint64_t>()),
          .vector = {}};
  for (std::uint8_t i = input.number<std::uint8_t>() % 16; i > 0; --i)
    row.vector.push_back(std::bit_cast<float>(input.number<std::uint32_t>()));
  return row;
}

void encode(CopyEncoder& encoder, const Row& row) {
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(row.bytes.data());
  encoder.row(kFields).text(row.text).bytea({bytes, row.bytes.size()});
  encoder.int8(row.number).int4(static_cast<std::int32_t>(row.number));
  encoder.jsonb(row.text).null();
}

void check_row(CopyReader& reader, const Row& row) {
  expect(reader.number(2) == kFields, "a row has its fields");
  expect(reader.field() == row.text, "text");
  expect(reader.field() == row.bytes, "bytea");
  expect(reader.number(4) == 8 && static_cast<std::int64_t>(reader.number(8)) == row.number,
         "int8");
  expect(reader.number(4) == 4 &&
             static_cast<std::int32_t>(reader.number(4)) == static_cast<std::int32_t>(row.number),
         "int4");
  expect(reader.field() == '\1' + row.text, "jsonb");
  bool is_null = false;
  expect(reader.field(&is_null).empty() && is_null, "NULL");
  for (const float value : row.vector) check_half(value, half_from_float(value));
}

void check(std::string_view bytes) {
  Input input(bytes);
  std::vector<Row> rows;
  CopyEncoder encoder;
  while (!input.empty()) {
    rows.push_back(read_row(input));
    encode(encoder, rows.back());
  }
  expect(encoder.rows() == rows.size(), "rows are counted");
  CopyReader reader(encoder.finish());
  for (const Row& row : rows) check_row(reader, row);
  expect(reader.number(2) == 0xffff && reader.at_end(), "the stream ends");
}

const Registration kTarget("copy_encoder", check);

}  // namespace
}  // namespace forkdex::fuzz
