#pragma once

// Chunks with words, and segments of them, as tests of the word index store them.

#include <cstdint>
#include <string>
#include <vector>

#include "common/jobs/merge_words.h"
#include "common/pg/connection.h"

namespace forkdex::test {

/// A chunk of a file of its own unless another has the same path; `id` is its row's.
struct WordChunk {
  std::int64_t id = 0;
  std::string body = {};
  std::string docs = {};
  std::string signature = {};
  std::string name = {};
  std::string path = {};  ///< empty: "ID.py"
  std::int64_t repository = 1;
  std::string language = "python";
  std::string kind = "function";
  int line = 1;
  bool has_lexemes = true;  ///< false: null, as chunks of older programs have it
};

/// The path that the chunk is stored with.
std::string path_of(const WordChunk& chunk);

/// Adds the repositories "r1" to "r<count>" with the ids 1 to `count`. REQUIRES a fresh database.
void add_repositories(PgConnection& connection, int count);

/// Stores `chunks` and their files. Throws on an error.
void add_word_chunks(PgConnection& connection, const std::vector<WordChunk>& chunks);

/// Makes a segment as a worker does; the number of its chunks. Throws on an error.
std::uint64_t merge_words(PgConnection& connection, std::int64_t repository, const MergeWords& job);

}  // namespace forkdex::test
