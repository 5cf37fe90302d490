#include "worker/store/binary_array.h"

#include "worker/store/copy_encoder.h"

namespace forkdex {
namespace {

constexpr std::uint32_t kByteaOid = 17;

void append32(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xff);
}

void append16(std::string& out, std::uint16_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xff);
}

/// The header of a one-dimensional array without NULLs, counted from 1.
std::string begin(std::uint32_t element_oid, std::size_t count, std::size_t element_bytes) {
  std::string array;
  array.reserve(20 + count * (4 + element_bytes));
  append32(array, count == 0 ? 0 : 1);  // dimensions
  append32(array, 0);                   // no NULL
  append32(array, element_oid);
  if (count == 0) return array;
  append32(array, static_cast<std::uint32_t>(count));
  append32(array, 1);
  return array;
}

void append_hash(std::string& array, const Sha256& hash) {
  append32(array, static_cast<std::uint32_t>(hash.size()));
  array.append(bytes_of(hash));
}

}  // namespace

std::string bytea_array(std::span<const Sha256> hashes) {
  std::string array = begin(kByteaOid, hashes.size(), sizeof(Sha256));
  for (const Sha256& hash : hashes) append_hash(array, hash);
  return array;
}

std::string hash_array(std::span<const StoredVector> vectors) {
  std::string array = begin(kByteaOid, vectors.size(), sizeof(Sha256));
  for (const StoredVector& vector : vectors) append_hash(array, vector.first);
  return array;
}

std::string halfvec_array(std::span<const StoredVector> vectors, std::uint32_t halfvec_oid) {
  const std::size_t dimension = vectors.empty() ? 0 : vectors.front().second.size();
  std::string array = begin(halfvec_oid, vectors.size(), 4 + 2 * dimension);
  for (const StoredVector& vector : vectors) {
    append32(array, static_cast<std::uint32_t>(4 + 2 * vector.second.size()));
    append16(array, static_cast<std::uint16_t>(vector.second.size()));
    append16(array, 0);
    for (const float value : vector.second) append16(array, half_from_float(value));
  }
  return array;
}

}  // namespace forkdex
