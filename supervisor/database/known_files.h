#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "common/error/result.h"
#include "common/pg/connection.h"
#include "supervisor/database/known_file.h"

namespace forkdex {

/// What the database knows of a repository's files, in byte order of their paths. Spooled to an
/// unlinked temporary file first, so that neither memory nor a transaction's snapshot is held while
/// the run goes on. Killed, nothing is left.
class KnownFiles {
 public:
  /// Reads the rows with one COPY. ERRORS kDiskFull (the temporary folder's), as PgConnection::run.
  static Result<KnownFiles> spool(PgConnection& connection, std::int64_t repository_id);

  /// The next file, or nothing at the end. ERRORS kBug when the spool cannot be read back.
  Result<std::optional<KnownFile>> next();

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::FILE, Close> file_;
  std::unique_ptr<char, Free> line_;
  std::size_t capacity_ = 0;
};

}  // namespace forkdex
