#include "common/error/error.h"

#include <array>
#include <system_error>

#include <fmt/format.h>

namespace forkdex {
namespace {

using enum ErrorCode;

// Set the columns that few rows have.
constexpr ErrorTraits worker_fault(WorkerFault fault, ErrorTraits row) {
  row.fault = fault;
  return row;
}
constexpr ErrorTraits database_away(ErrorTraits row) {
  row.database_away = true;
  return row;
}
constexpr ErrorTraits may_pass(ErrorTraits row) {
  row.may_pass = true;
  return row;
}
constexpr ErrorTraits ends_wait(ErrorTraits row) {
  row.ends_wait = true;
  return row;
}

constexpr std::array kTable = {
    ErrorTraits{kBinaryFile, "binary", BlastRadius::kNothing, 0},
    ErrorTraits{kFileTooLarge, "too_large", BlastRadius::kNothing, 0},
    ErrorTraits{kNotRegularFile, "not_regular", BlastRadius::kNothing, 0},
    ErrorTraits{kGeneratedFile, "generated", BlastRadius::kNothing, 0},
    ErrorTraits{kExcludedByContent, "excluded", BlastRadius::kNothing, 0},
    ErrorTraits{kFileVanished, "vanished", BlastRadius::kFile, 0},
    ErrorTraits{kFileUnreadable, "unreadable", BlastRadius::kFile, 0},
    ErrorTraits{kBadEncoding, "encoding", BlastRadius::kFile, 0},
    ErrorTraits{kParseFailed, "parse", BlastRadius::kFile, 0},
    ErrorTraits{kEmbeddingFailed, "embedding", BlastRadius::kFile, 0},
    ErrorTraits{kRowRefused, "database", BlastRadius::kFile, 0},
    worker_fault(WorkerFault::kMemory,
                 {kOutOfMemory, "out_of_memory", BlastRadius::kWorker, kExitTryAgain}),
    worker_fault(WorkerFault::kCrash, {kModelRuntime, "model", BlastRadius::kWorker, kExitBug}),
    database_away({kDatabaseLost, "database_lost", BlastRadius::kWorker, kExitTryAgain}),
    ErrorTraits{kDatabaseBusy, "database_busy", BlastRadius::kWorker, kExitTryAgain},
    worker_fault(WorkerFault::kCrash, {kRingBroken, "ring", BlastRadius::kWorker, kExitBug}),
    ErrorTraits{kUsage, "usage", BlastRadius::kRun, kExitUsage},
    ErrorTraits{kPathUnusable, "path", BlastRadius::kRun, kExitUsage},
    ErrorTraits{kConfigInvalid, "config", BlastRadius::kRun, kExitConfig},
    database_away(
        {kDatabaseUnreachable, "database_unreachable", BlastRadius::kRun, kExitUnavailable}),
    ErrorTraits{kDatabaseUnusable, "database_unusable", BlastRadius::kRun, kExitUnavailable},
    may_pass({kTooManyConnections, "too_many_clients", BlastRadius::kRun, kExitUnavailable}),
    ErrorTraits{kModelUnusable, "model_unusable", BlastRadius::kRun, kExitUnavailable},
    ErrorTraits{kRepositoryUnusable, "repository", BlastRadius::kRun, kExitUnavailable},
    ends_wait({kDiskFull, "disk_full", BlastRadius::kRun, kExitTryAgain}),
    ends_wait({kClaimHeld, "claim_held", BlastRadius::kRun, kExitTryAgain}),
    ErrorTraits{kRestartIntensity, "restart_intensity", BlastRadius::kRun, kExitTryAgain},
    ErrorTraits{kDatabaseGone, "database_gone", BlastRadius::kRun, kExitTryAgain},
    ErrorTraits{kBug, "bug", BlastRadius::kRun, kExitBug},
};

constexpr bool in_enum_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i)
    if (kTable[i].code != static_cast<ErrorCode>(i)) return false;
  return true;
}
static_assert(in_enum_order() && kTable.back().code == kBug);

}  // namespace

const ErrorTraits& traits(ErrorCode code) { return kTable[static_cast<std::size_t>(code)]; }

std::string Error::text() const {
  return context.empty() ? sentence : fmt::format("{} ({})", sentence, context);
}

Error system_error(ErrorCode code, std::string sentence, int errno_value) {
  return {code, std::move(sentence), std::generic_category().message(errno_value)};
}

}  // namespace forkdex
