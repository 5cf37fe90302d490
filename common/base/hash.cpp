#include "common/base/hash.h"

#include <array>
#include <cstring>
#include <memory>
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

std::string git_blob_id(std::string_view bytes) {
  // The NUL that ends the length is part of what is hashed.
  const std::string header = fmt::format("blob {}", bytes.size());
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (!context || EVP_DigestInit_ex(context.get(), EVP_sha1(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), header.c_str(), header.size() + 1) != 1 ||
      EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), digest.data(), &size) != 1)
    throw std::bad_alloc();
  std::string text;
  for (unsigned i = 0; i < size; ++i) fmt::format_to(std::back_inserter(text), "{:02x}", digest[i]);
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
