#pragma once

// What tests of the ledger and of vectors share: a model, and rows made by hand.

#include <cstdint>
#include <stdexcept>
#include <string>

#include "common/base/hash.h"
#include "common/base/path_text.h"
#include "common/error/result.h"
#include "common/model/model_folder.h"
#include "common/pg/connection.h"
#include "supervisor/database/ledger.h"
#include "tests/unit/postgres_fixture.h"

namespace forkdex::test {

inline std::string text_of(const Result<void>& result) {
  return result ? "" : result.error().text();
}

inline ModelFolder model(const std::string& name = "small", std::size_t dimension = 4) {
  ModelFolder folder;
  folder.name = name;
  folder.architecture = "bert";
  folder.dimension = dimension;
  folder.fingerprint = sha256(name);
  return folder;
}

/// How a run ends; one that is complete has seen to all of its files.
inline RunEnd run_end(const std::string& status, const std::string& head,
                      const std::string& report = "{}") {
  const bool complete = status == "complete";
  return {.status = status, .report = report, .head = head, .files_done = complete};
}

/// A chunk row of `path` whose text has `hash`.
inline void add_chunk(PgConnection& connection, std::int64_t repository, const std::string& path,
                      const Sha256& hash) {
  const auto bytes = [](const Sha256& h) { return bytea_text(bytes_of(h)); };
  const auto added = connection.run(
      "INSERT INTO forkdex.chunks (repository_id, path_hash, path, ordinal, kind, name, "
      "qualified_name, parent, signature, docstring, start_line, end_line, definition_line, "
      "start_byte, end_byte, source, content_hash, metadata) "
      "VALUES ($1, $2, $3, 0, 'text', '', '', '', '', '', 1, 1, 1, 0, 1, 'x', $4, '{}')",
      {std::to_string(repository), bytes(sha256(path)), path, bytes(hash)});
  if (!added) throw std::runtime_error(added.error().text());
}

inline std::int64_t count(PgConnection& connection, const std::string& table) {
  return must_run(connection, "SELECT count(*) FROM forkdex." + table).integer(0, 0);
}

}  // namespace forkdex::test
