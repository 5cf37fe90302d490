#include "worker/jobs/index_file.h"

#include <algorithm>
#include <utility>

#include "common/base/clock.h"
#include "common/base/languages.h"
#include "common/error/fault.h"
#include "worker/parse/content_language.h"

namespace forkdex {
namespace {

// What is stored together: one wait for the disk is spread over so many files, and the first one
// does not wait long for the last.
constexpr std::size_t kGroupFiles = 16;
constexpr std::size_t kGroupBytes = 128 << 10;

}  // namespace

bool IndexFileHandler::full() const {
  return group_.size() >= kGroupFiles || group_bytes_ >= kGroupBytes;
}

/// Reads and parses one file; what ends it here is reported at once.
Result<void> IndexFileHandler::take(JobReceiver::Taken taken) {
  auto wanted = decode<IndexFile>(taken.job.payload);
  if (!wanted) return unreadable_payload();
  if (auto passed = fault::point("worker.take", wanted->path); !passed) return passed;
  auto in_hand = std::make_unique<FileInHand>();
  in_hand->taken_at = std::chrono::steady_clock::now();
  in_hand->slot = taken.slot;
  in_hand->job = std::move(taken.job);
  in_hand->wanted = *std::move(wanted);
  auto settled = parse(*in_hand);
  if (!settled) {
    if (traits(settled.error().code).radius > BlastRadius::kFile) return settled.error();
    finish_with(*in_hand, settled.error());
  } else if (*settled) {
    finish(*in_hand, **settled);
  } else {
    group_bytes_ += in_hand->file.bytes.size();
    in_hand->file.bytes = {};  // the chunks hold what is needed of them
    means_.receiver.enter(in_hand->slot, Stage::kWaiting);
    group_.push_back(std::move(in_hand));
  }
  return {};
}

Result<void> IndexFileHandler::flush() {
  auto stored = store_group();
  group_.clear();
  group_bytes_ = 0;
  return stored;
}

/// Reads and parses. Gives the file's state where nothing is left to do for it.
Result<std::optional<FileState>> IndexFileHandler::parse(FileInHand& in_hand) {
  const std::string& path = in_hand.wanted.path;
  IndexFileResult& result = in_hand.result;
  {
    CpuTimer timer(in_hand.outcome.times.read);
    means_.receiver.enter(in_hand.slot, Stage::kRead);
    if (auto passed = fault::point("file.read", path); !passed) return passed.error();
    auto file = means_.files.read(in_hand.wanted, means_.indexing.max_file_bytes);
    if (!file) return file.error();
    in_hand.file = *std::move(file);
    result.bytes = in_hand.file.bytes.size();
    result.blob_oid = in_hand.file.blob_oid;
    means_.receiver.set_content_hash(in_hand.slot, in_hand.file.hash);
  }
  if (in_hand.wanted.is_unchanged(in_hand.file.hash, in_hand.job)) {
    result.language = language_of_file(path, in_hand.file.bytes);
    return std::optional(FileState::kUnchanged);
  }
  if (in_hand.job.in_doubt) {
    auto stored = look_up_result(in_hand);
    if (!stored || *stored) return stored;
  }
  CpuTimer timer(in_hand.outcome.times.parse);
  means_.receiver.enter(in_hand.slot, Stage::kParse);
  if (auto passed = fault::point("file.parse", path); !passed) return passed.error();
  if (auto admitted = check_language(in_hand); !admitted) return admitted.error();
  auto parsed = means_.chunker.chunk(path, in_hand.file.bytes);
  if (!parsed) return parsed.error();
  in_hand.parsed = *std::move(parsed);
  result.language = in_hand.parsed.language;
  in_hand.outcome.detail = in_hand.parsed.detail;
  if (in_hand.parsed.partly_parsed) in_hand.outcome.reason = kPartlyParsed;
  for (const View view : kViews) {
    if (view == View::kText && !means_.stores_text_view) continue;
    for (const Chunk& chunk : in_hand.parsed.chunks)
      in_hand.hashes[view].push_back(sha256(text_of(chunk, view)));
  }
  return std::optional<FileState>();
}

/// Refuses a file that is not in the user's languages: the supervisor has asked its name, which may
/// have said nothing.
Result<void> IndexFileHandler::check_language(FileInHand& in_hand) const {
  const std::vector<std::string>& admitted = means_.indexing.languages;
  if (admitted.empty()) return {};
  const std::string_view language = language_of_file(in_hand.wanted.path, in_hand.file.bytes);
  if (std::ranges::find(admitted, language) != admitted.end()) return {};
  in_hand.result.language = language;
  return Error{ErrorCode::kExcludedByContent, excluded_by_content(language), ""};
}

/// An earlier attempt may have committed the file before it could say so: the row tells.
Result<std::optional<FileState>> IndexFileHandler::look_up_result(FileInHand& in_hand) {
  StoredFile file;
  file.repository_id = means_.indexing.repository_id;
  file.path = in_hand.wanted.path;
  file.content_hash = in_hand.file.hash;
  file.recipe = means_.indexing.recipe;
  auto stored = means_.store.stored_by_run(means_.indexing.run_id, file);
  if (!stored) return stored.error();
  if (!*stored) return std::optional<FileState>();
  in_hand.outcome.detail = std::move((*stored)->verdict.detail);
  in_hand.outcome.reason = std::move((*stored)->verdict.reason);
  in_hand.result.language = std::move((*stored)->language);
  in_hand.result.chunks = (*stored)->chunks;
  return std::optional((*stored)->verdict.state);
}

/// Stores the group, a transaction a file, and reports it when all of it is on the disk: small
/// files would wait longer for that than for everything else.
Result<void> IndexFileHandler::store_group() {
  std::vector<FileInHand*> stored;
  bool on_disk = false;
  for (const auto& in_hand : group_) {
    auto done = store_or_refuse(*in_hand, in_hand == group_.back());
    if (!done) return done.error();
    if (!*done) continue;
    stored.push_back(in_hand.get());
    on_disk = in_hand == group_.back();
  }
  // The last one was refused: another one, stored once more, takes the rest along.
  while (!on_disk && !stored.empty()) {
    auto done = store_or_refuse(*stored.back(), true);
    if (!done) return done.error();
    on_disk = *done;
    if (!on_disk) stored.pop_back();
  }
  for (FileInHand* in_hand : stored) {
    if (auto passed = fault::point("worker.outcome", in_hand->wanted.path); !passed) return passed;
    IndexFileResult& result = in_hand->result;
    result.chunks = static_cast<std::uint32_t>(in_hand->parsed.chunks.size());
    finish(*in_hand, result.chunks == 0 ? FileState::kEmpty : FileState::kIndexed);
  }
  return {};
}

/// Stores one file. False when it was refused, which is reported.
Result<bool> IndexFileHandler::store_or_refuse(FileInHand& in_hand, bool waits_for_disk) {
  auto stored = store(in_hand, waits_for_disk);
  if (!stored && traits(stored.error().code).radius != BlastRadius::kFile) return stored.error();
  if (!stored) finish_with(in_hand, stored.error());
  if (stored && !waits_for_disk) means_.receiver.enter(in_hand.slot, Stage::kWaiting);
  return stored.ok();
}

Result<void> IndexFileHandler::store(FileInHand& in_hand, bool waits_for_disk) {
  means_.receiver.enter(in_hand.slot, Stage::kStore);
  CpuTimer timer(in_hand.outcome.times.store);
  StoredFile file;
  for (const View view : kViews) file.hashes[view] = in_hand.hashes[view];
  file.repository_id = means_.indexing.repository_id;
  file.path = in_hand.wanted.path;
  file.content_hash = in_hand.file.hash;
  file.verdict = {in_hand.parsed.chunks.empty() ? FileState::kEmpty : FileState::kIndexed,
                  in_hand.outcome.reason, in_hand.parsed.detail, in_hand.job.attempt};
  file.facts = {std::string(in_hand.parsed.language), in_hand.result.bytes, in_hand.file.blob_oid,
                in_hand.file.signature};
  file.recipe = means_.indexing.recipe;
  file.chunks = in_hand.parsed.chunks;
  file.waits_for_disk = waits_for_disk;
  return means_.store.store(file);
}

/// Reports a file that is done, with its state.
void IndexFileHandler::finish(FileInHand& in_hand, FileState state) {
  in_hand.result.state = state;
  report(in_hand);
}

/// Reports a file that `error` ended.
void IndexFileHandler::finish_with(FileInHand& in_hand, const Error& error) {
  const ErrorTraits& row = traits(error.code);
  Outcome& outcome = in_hand.outcome;
  outcome.end = row.radius == BlastRadius::kNothing ? JobEnd::kSkipped : JobEnd::kFailed;
  outcome.reason = row.name;
  outcome.detail = error.text();
  report(in_hand);
}

void IndexFileHandler::report(FileInHand& in_hand) {
  in_hand.outcome.elapsed = std::chrono::steady_clock::now() - in_hand.taken_at;
  in_hand.outcome.payload = encode(in_hand.result);
  means_.receiver.finish(in_hand.slot, in_hand.outcome);
}

}  // namespace forkdex
