#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace forkdex {

/// SHA-256 (FIPS 180-4): what content is known by, in rows and between runs. Cryptographic because
/// vectors are shared across repositories: a collision would give one text another's vector.
using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(std::string_view bytes);
/// Its 32 bytes, as long as it lives.
inline std::string_view bytes_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}
std::string hex(const Sha256& digest);

/// The id, hex, that git gives a blob of these bytes in a repository of SHA-1 objects. Good for
/// asking whether git means the same bytes, never for sharing anything between repositories.
std::string git_blob_id(std::string_view bytes);

/// SHA-256 over a sequence of fields, each preceded by its length, so that ("ab","c") and
/// ("a","bc") differ.
class FieldHasher {
 public:
  FieldHasher();
  FieldHasher(const FieldHasher&) = delete;
  FieldHasher& operator=(const FieldHasher&) = delete;
  ~FieldHasher();
  FieldHasher& add(std::string_view field);
  /// REQUIRES that it is called once, last.
  Sha256 finish();

 private:
  void* context_;  // EVP_MD_CTX, kept out of this header
};

}  // namespace forkdex
