#include "supervisor/run/plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/base/glob.h"
#include "common/base/languages.h"
#include "common/error/error.h"
#include "supervisor/fleet/blame.h"

namespace forkdex {
namespace {

// A file written within this time of our look at it may have changed again without a new
// timestamp: file systems keep time in ticks, of two seconds where there are no nanoseconds.
constexpr std::int64_t kRacyWindowNs = 100'000'000;
constexpr std::int64_t kCoarseRacyWindowNs = 2'000'000'000;

/// A writing sets both times to the clock's. An mtime that lies ahead of our look, and of ctime,
/// was set by somebody: the file was last touched at its ctime, and another writing changes mtime.
bool is_dated_ahead(const StatSignature& seen) {
  return seen.mtime_ns > seen.seen_at_ns && seen.mtime_ns > seen.ctime_ns;
}

bool is_racy(const StatSignature& seen) {
  const std::int64_t latest =
      is_dated_ahead(seen) ? seen.ctime_ns : std::max(seen.mtime_ns, seen.ctime_ns);
  const bool coarse = seen.mtime_ns % 1'000'000'000 == 0 && seen.ctime_ns % 1'000'000'000 == 0;
  return latest > seen.seen_at_ns - (coarse ? kCoarseRacyWindowNs : kRacyWindowNs);
}

/// Whether the row is about the bytes on disk, as far as that can be said without opening the file:
/// by its signature, else by git's index, whose blob the row's bytes are known to be. What git
/// converts by attributes or configuration it stores shorter (line ends lose a byte each, $Id$ its
/// value), so that equal sizes mean equal bytes; other conversions are not current (ListedFile).
bool same_bytes(const ListedFile& file, const StatSignature& signature, const KnownFile& known) {
  if (!file.in_store && known.facts.signature.same_file(signature) &&
      !is_racy(known.facts.signature))
    return true;
  return file.blob_is_current && file.blob_oid == known.facts.blob_oid &&
         file.size == known.facts.signature.size;
}

bool matches_any(const std::vector<std::string>& globs, std::string_view path) {
  return std::any_of(globs.begin(), globs.end(),
                     [&](const std::string& glob) { return glob_match(glob, path); });
}

struct Refusal {
  FileState state;
  std::string_view reason;
};

/// What a path's kind alone decides.
std::optional<Refusal> refusal_of(ListedFile::Kind kind) {
  switch (kind) {
    case ListedFile::Kind::kRegular:
      return std::nullopt;
    case ListedFile::Kind::kNotRegular:
      return Refusal{FileState::kSkipped, traits(ErrorCode::kNotRegularFile).name};
    case ListedFile::Kind::kSparse:
      return Refusal{FileState::kSkipped, "sparse"};
    case ListedFile::Kind::kSubmodule:
      return Refusal{FileState::kSkipped, "submodule"};
    case ListedFile::Kind::kUnreadable:
      return Refusal{FileState::kFailed, traits(ErrorCode::kFileUnreadable).name};
  }
  return std::nullopt;
}

/// Whether the row says of a refused file what would be written of it now.
bool describes(const KnownFile& known, const Decided& refused) {
  return known.verdict.state == refused.verdict.state &&
         known.verdict.reason == refused.verdict.reason &&
         known.verdict.detail == refused.verdict.detail &&
         known.facts.signature.size == refused.facts.bytes;
}

}  // namespace

Result<void> Planner::advance() {
  started_ = true;
  auto next = next_known_();
  if (!next) return next.error();
  known_ = *std::move(next);
  return {};
}

/// Everything known before `path` (all that is left when null) was not listed: it is gone.
Result<void> Planner::remove_until(const std::string* path) {
  if (!started_)
    if (auto advanced = advance(); !advanced) return advanced;
  while (known_ && (!path || known_->path < *path)) {
    // What stands below a folder that cannot be looked into may well be there still.
    const bool hidden = !unreadable_folder_.empty() && known_->path.starts_with(unreadable_folder_);
    if (!hidden && in_scope(known_->path)) {
      Decided gone;
      gone.path = std::move(known_->path);
      gone.verdict.state = FileState::kRemoved;
      decided_(std::move(gone));
    }
    if (auto advanced = advance(); !advanced) return advanced;
  }
  return {};
}

Result<void> Planner::take(ListedFile&& file) {
  if (auto removed = remove_until(&file.path); !removed) return removed;
  if (file.path.ends_with('/')) unreadable_folder_ = file.path;
  std::optional<KnownFile> known;
  if (known_ && known_->path == file.path) {
    known = *std::move(known_);
    if (auto advanced = advance(); !advanced) return advanced;
  }
  if (!in_scope(file.path)) return {};
  return plan(std::move(file), known ? &*known : nullptr);
}

/// By its name or, where that says nothing and the bytes are those of the row, by the row; empty
/// where only a worker can say it.
std::string_view Planner::language_without_opening(const ListedFile& file,
                                                   const StatSignature& signature,
                                                   const KnownFile* known) const {
  if (name_says_language(file.path)) return language_of(file.path);
  const bool row_says =
      known && known->recipe == rules_.recipe && same_bytes(file, signature, *known);
  return row_says ? std::string_view(known->facts.language) : std::string_view();
}

/// Whether the user's languages leave room for `language`, which may not be known yet.
bool Planner::admits(std::string_view language) const {
  return language.empty() || rules_.languages.empty() ||
         std::ranges::find(rules_.languages, language) != rules_.languages.end();
}

std::optional<Decided> Planner::refusal(const ListedFile& file, std::string_view language) const {
  Decided decided;
  Verdict& verdict = decided.verdict;
  verdict.state = FileState::kSkipped;
  verdict.detail = file.note;
  if (const auto refused = refusal_of(file.kind)) {
    verdict.state = refused->state;
    verdict.reason = refused->reason;
    return decided;
  }
  const bool admitted = (rules_.include.empty() || matches_any(rules_.include, file.path)) &&
                        !matches_any(rules_.exclude, file.path);
  if (!admitted) {
    verdict.reason = kExcluded;
  } else if (!admits(language)) {
    verdict.reason = kExcluded;
    if (!name_says_language(file.path)) verdict.detail = excluded_by_content(language);
  } else if (file.size > rules_.max_file_bytes) {
    verdict.reason = traits(ErrorCode::kFileTooLarge).name;
    verdict.detail =
        fmt::format("{} bytes, more than --max-file-size {}", file.size, rules_.max_file_bytes);
  } else if (file.path.size() > kMaxPathBytes) {
    verdict.state = FileState::kFailed;
    verdict.reason = traits(ErrorCode::kFileUnreadable).name;
    verdict.detail =
        fmt::format("the path has {} bytes, more than {}", file.path.size(), kMaxPathBytes);
  } else {
    return std::nullopt;
  }
  return decided;
}

bool Planner::unchanged(const ListedFile& file, const StatSignature& signature,
                        const KnownFile& known) const {
  const FileState state = known.verdict.state;
  const bool settled =
      state == FileState::kIndexed || state == FileState::kEmpty || state == FileState::kSkipped;
  if (!stays_quarantined(known) && (rules_.full || !settled)) return false;
  return known.recipe == rules_.recipe && same_bytes(file, signature, known);
}

/// Whether a verdict of an earlier run still holds, as far as it is not a matter of the bytes.
/// --full does not lift it: a file that ended its worker three times will do so again.
bool Planner::stays_quarantined(const KnownFile& known) const {
  if (known.verdict.state != FileState::kQuarantined || rules_.retry_failed) return false;
  if (known.recipe != rules_.recipe) return false;
  if (known.verdict.reason == name(Fault::kTimedOut))
    return rules_.file_timeout_seconds <= known.refused_limit;
  if (known.verdict.reason == name(Fault::kOutOfMemory)) {
    // What a machine has available is never twice the same: that is no higher limit yet.
    const std::uint64_t slack = rules_.memory_is_chosen ? known.refused_limit / 2 : 0;
    return rules_.memory_per_worker_bytes <= known.refused_limit + slack;
  }
  return true;
}

/// Lets the worker compare the bytes it reads with those the row describes.
void Planner::compare_later(IndexFile& file, FileMemo& memo, const KnownFile& known) const {
  const bool searchable =
      known.verdict.state == FileState::kIndexed || known.verdict.state == FileState::kEmpty;
  const bool quarantined = stays_quarantined(known);
  const bool comparable = known.recipe == rules_.recipe && known.content_hash &&
                          ((searchable && !rules_.full) || quarantined);
  if (!comparable) return;
  file.known_hash = known.content_hash;
  file.is_quarantined = quarantined;
  memo.known_chunks = known.chunk_count;
  memo.known_partly_parsed = known.verdict.reason == kPartlyParsed;
  if (quarantined) memo.quarantine = Quarantine{known.verdict, known.refused_limit};
}

Result<void> Planner::plan(ListedFile&& file, const KnownFile* known) {
  StatSignature signature{file.size, file.mtime_ns, file.ctime_ns, file.inode, rules_.listed_at_ns};
  const std::string language(language_without_opening(file, signature, known));
  if (auto refused = refusal(file, language)) {
    refused->path = std::move(file.path);
    refused->facts = {language.empty() ? std::string(language_of(refused->path)) : language,
                      file.size,
                      {},
                      signature};
    refused->row_is_current = known && describes(*known, *refused);
    decided_(*std::move(refused));
    return {};
  }
  // What was refused by its path or size is not refused any more: only content speaks now.
  const bool by_content = !known || known->verdict.state != FileState::kSkipped ||
                          known->verdict.reason == traits(ErrorCode::kBinaryFile).name ||
                          known->verdict.reason == traits(ErrorCode::kGeneratedFile).name;
  if (known && by_content && unchanged(file, signature, *known)) {
    Decided same;
    same.verdict = known->verdict;
    const bool as_it_was = known->verdict.state == FileState::kSkipped ||
                           known->verdict.state == FileState::kQuarantined;
    if (!as_it_was) same.verdict.state = FileState::kUnchanged;
    same.path = std::move(file.path);
    same.facts = {language.empty() ? std::string(language_of(same.path)) : language, file.size,
                  known->facts.blob_oid, signature};
    same.chunks = known->chunk_count;
    // A blob has no signature; that of a file with the same bytes stays true.
    same.row_is_current = file.in_store || known->facts.signature.same_file(signature) ||
                          known->verdict.state == FileState::kQuarantined;
    same.row_stands = true;
    decided_(std::move(same));
    return {};
  }
  IndexFile job;
  FileMemo memo;
  job.path = std::move(file.path);
  memo.signature = signature;
  if (file.in_store) job.blob_oid = *file.blob_oid;
  if (known) compare_later(job, memo, *known);
  return jobs_.add(file_job(jobs_.size(), job, memo));
}

Result<JobQueue> Planner::finish() {
  if (auto removed = remove_until(nullptr); !removed) return removed.error();
  return std::move(jobs_);
}

}  // namespace forkdex
