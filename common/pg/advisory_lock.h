#pragma once

#include <cstdint>

namespace forkdex {

// The first of the two keys of every PostgreSQL advisory lock that forkdex takes (the numbers spell
// "fdx" and a digit). Advisory locks are a database's, shared with whatever else runs in it.

/// Held by a session while it brings the schema up to date; second key 0.
inline constexpr std::int32_t kMigrationLock = 0x66647801;
/// Held shared by a transaction that stores chunks, commits or vectors, exclusively by one that
/// deletes vectors which no chunk and no commit needs: it would not see those that are on their
/// way. Second key 0.
inline constexpr std::int32_t kVectorsLock = 0x66647802;
/// Held by the session of a run over a repository, shared by runs over shards of it; second key:
/// the repository's id.
inline constexpr std::int32_t kRepositoryClaim = 0x66647803;
/// Held by the session that builds a vector index, whatever the model; second key 0.
inline constexpr std::int32_t kIndexBuild = 0x66647804;
/// Held by the session of a run over a shard; second key: a hash of repository and shard.
inline constexpr std::int32_t kShardClaim = 0x66647805;
/// Held shared by a transaction that stores chunks, exclusively for the moment in which a run looks
/// up the last chunk's id: no chunk with a lower one is on its way then. Second key: the
/// repository's id.
inline constexpr std::int32_t kWordsLock = 0x66647806;
/// Held by the session of a run that merges the word index; second key: the repository's id.
inline constexpr std::int32_t kWordsMerge = 0x66647807;

}  // namespace forkdex
