#include "common/hash.h"

#include <cstring>
#include <new>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

namespace forkdex {

Sha256 sha256(std::string_view bytes) {
  Sha256 digest;
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return digest;
}

std::string hex(const Sha256& digest) {
  std::string text;
  text.reserve(64);
  for (const std::uint8_t byte : digest) fmt::format_to(std::back_inserter(text), "{:02x}", byte);
  return text;
}

FieldHasher::FieldHasher() : context_(EVP_MD_CTX_new()) {
  if (!context_ || !EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(context_), EVP_sha256(), nullptr))
    throw std::bad_alloc();
}

FieldHasher::~FieldHasher() { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context_)); }

FieldHasher& FieldHasher::add(std::string_view field) {
  const std::uint64_t length = field.size();
  char prefix[sizeof length];
  std::memcpy(prefix, &length, sizeof length);
  EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_), prefix, sizeof prefix);
  EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_), field.data(), field.size());
  return *this;
}

Sha256 FieldHasher::finish() {
  Sha256 digest;
  EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(context_), digest.data(), nullptr);
  return digest;
}

}  // namespace forkdex
