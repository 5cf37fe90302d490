#pragma once

// Arrays as PostgreSQL reads them in binary: a statement takes any number of hashes or vectors in
// one parameter, without quoting.

#include <cstdint>
#include <span>
#include <string>

#include "common/hash.h"

namespace forkdex {

/// A vector for `content_hash`, the SHA-256 of the text it stands for.
struct NewVector {
  Sha256 content_hash{};
  std::span<const float> values;
};

/// bytea[] of `hashes`.
std::string bytea_array(std::span<const Sha256> hashes);

/// bytea[] of the hashes of `vectors`.
std::string hash_array(std::span<const NewVector> vectors);

/// halfvec[] of the values of `vectors`; `halfvec_oid` is the type's number in this database.
std::string halfvec_array(std::span<const NewVector> vectors, std::uint32_t halfvec_oid);

}  // namespace forkdex
