#pragma once

// Arrays as PostgreSQL reads them in binary: a statement takes any number of hashes or vectors in
// one parameter, without quoting.

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "common/base/hash.h"

namespace forkdex {

/// The SHA-256 of a text and its vector.
using StoredVector = std::pair<Sha256, std::span<const float>>;

/// bytea[] of `hashes`.
std::string bytea_array(std::span<const Sha256> hashes);

/// bytea[] of the hashes of `vectors`.
std::string hash_array(std::span<const StoredVector> vectors);

/// halfvec[] of the values of `vectors`; `halfvec_oid` is the type's number in this database.
std::string halfvec_array(std::span<const StoredVector> vectors, std::uint32_t halfvec_oid);

}  // namespace forkdex
