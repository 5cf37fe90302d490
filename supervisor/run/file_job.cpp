#include "supervisor/run/file_job.h"

#include <utility>

#include "common/base/languages.h"
#include "common/base/path_text.h"

namespace forkdex {

template <class Visit, FieldsOf<StatSignature> Self>
void visit_fields(Visit&& visit, Self& signature) {
  visit(signature.size, signature.mtime_ns, signature.ctime_ns, signature.inode,
        signature.seen_at_ns);
}

template <class Visit, FieldsOf<Verdict> Self>
void visit_fields(Visit&& visit, Self& verdict) {
  visit(verdict.state, verdict.reason, verdict.detail, verdict.attempts);
}

template <class Visit, FieldsOf<Quarantine> Self>
void visit_fields(Visit&& visit, Self& quarantine) {
  visit(quarantine.verdict, quarantine.limit);
}

template <class Visit, FieldsOf<FileMemo> Self>
void visit_fields(Visit&& visit, Self& memo) {
  visit(memo.signature, memo.known_chunks, memo.quarantine, memo.known_partly_parsed);
}

namespace {

FileState state_of(JobEnd end, const IndexFileResult& result) {
  switch (end) {
    case JobEnd::kDone:
      return result.state;
    case JobEnd::kSkipped:
      return FileState::kSkipped;
    case JobEnd::kFailed:
      return FileState::kFailed;
    case JobEnd::kQuarantined:
      return FileState::kQuarantined;
  }
  return FileState::kFailed;
}

}  // namespace

Job file_job(std::uint64_t id, const IndexFile& file, const FileMemo& memo) {
  Job job;
  job.id = id;
  job.kind = JobKind::kIndexFile;
  job.payload = encode(file);
  job.label = escape_path(file.path);
  job.cost = memo.signature.size;
  job.memo = encode(memo);
  return job;
}

FinishedFile finished_file(const Job& job, const Outcome& outcome) {
  IndexFile file = decode<IndexFile>(job.payload).value_or(IndexFile());
  const FileMemo memo = decode<FileMemo>(job.memo).value_or(FileMemo());
  FinishedFile finished;
  finished.result = index_file_result(outcome.payload).value_or(IndexFileResult());
  const IndexFileResult& result = finished.result;
  finished.verdict = {state_of(outcome.end, result), outcome.reason, outcome.detail, job.attempt};
  finished.facts = {result.language, result.bytes,
                    result.blob_oid.empty() ? file.blob_oid : result.blob_oid, memo.signature};
  // The file may have changed since it was listed. A size that is not the blob's would let another
  // file pass for it (Planner::same_bytes).
  if (!result.blob_oid.empty()) finished.facts.signature.size = result.bytes;
  finished.chunks = result.chunks;
  finished.content_hash = outcome.content_hash;
  if (finished.verdict.state == FileState::kUnchanged) {  // by its bytes: it was not parsed
    if (result.language.empty()) finished.facts.language = language_of(file.path);
    finished.chunks = memo.known_chunks;
    if (memo.known_partly_parsed) finished.verdict.reason = kPartlyParsed;
    if (memo.quarantine) {
      finished.verdict = memo.quarantine->verdict;
      finished.standing_limit = memo.quarantine->limit;
      finished.content_hash = file.known_hash;
    }
  } else if (finished.verdict.state == FileState::kQuarantined) {  // its worker did not say
    finished.facts.language = language_of(file.path);
    finished.facts.bytes = memo.signature.size;
  }
  finished.path = std::move(file.path);
  finished.cost = job.cost;
  finished.times = outcome.times;
  finished.elapsed = outcome.elapsed;
  return finished;
}

}  // namespace forkdex
