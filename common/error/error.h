#pragma once

// Errors know what they end (a file, a worker or the run), whose fault they are and whether waiting
// helps. The table in error.cpp is the one place where that is decided; code that meets an error
// reports its code, and asks the table for its consequence.

#include <string>
#include <string_view>

namespace forkdex {

/// What an error ends.
enum class BlastRadius { kNothing, kFile, kWorker, kRun };

enum class ErrorCode {
  // Nothing: the file is counted as skipped with its reason.
  kBinaryFile,
  kFileTooLarge,
  kNotRegularFile,
  kGeneratedFile,
  kExcludedByContent,
  // The file: it is counted as failed, the worker goes on.
  kFileVanished,
  kFileUnreadable,
  kBadEncoding,
  kParseFailed,
  kEmbeddingFailed,
  kRowRefused,
  // The worker: it ends, the supervisor starts another.
  kOutOfMemory,
  kModelRuntime,
  kDatabaseLost,
  kDatabaseBusy,
  kRingBroken,
  // The run.
  kUsage,
  kPathUnusable,
  kConfigInvalid,
  kDatabaseUnreachable,
  kDatabaseUnusable,
  kTooManyConnections,
  kModelUnusable,
  kRepositoryUnusable,
  kDiskFull,
  kClaimHeld,
  kRestartIntensity,
  kDatabaseGone,
  kBug,
};

/// Exit statuses users rely on (sysexits.h numbers; 1 is "completed, some files failed").
enum ExitStatus : int {
  kExitOk = 0,
  kExitSomeFailed = 1,
  kExitUsage = 64,
  kExitUnavailable = 69,
  kExitBug = 70,
  kExitTryAgain = 75,
  kExitConfig = 78,
};

/// What a worker that ends with an error did itself; a file that it had in hand may have caused it.
enum class WorkerFault { kNone, kCrash, kMemory };

struct ErrorTraits {
  ErrorCode code;
  std::string_view name;  ///< the `reason` of a file row where the radius is the file or nothing
  BlastRadius radius;
  int exit_status;  ///< of the process that this error ends; 0 where it ends none
  WorkerFault fault = WorkerFault::kNone;
  bool database_away = false;  ///< the database does not answer: the run waits until it does
  /// Another client's disconnecting ends it: while other workers run, the worker's place stays
  /// empty and is tried again.
  bool may_pass = false;
  bool ends_wait = false;  ///< the database answers, but a wait for it ends the run all the same
};

/// Looks up the row of `code` in the table. Never fails: every enumerator has a row.
const ErrorTraits& traits(ErrorCode code);

/// One failure: what it is, one sentence for the user, and what it happened to.
struct Error {
  ErrorCode code = ErrorCode::kBug;
  std::string sentence;  ///< what was given, what is wrong, what to do
  std::string context;   ///< path, pid, SQLSTATE, errno; may be empty

  /// The sentence, with the context in brackets when there is one.
  std::string text() const;
};

/// An Error whose context is the text of `errno_value`.
Error system_error(ErrorCode code, std::string sentence, int errno_value);

}  // namespace forkdex
