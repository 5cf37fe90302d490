#include "worker/jobs/index_file.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/clock.h"
#include "common/base/languages.h"
#include "common/error/fault.h"
#include "worker/parse/content_language.h"

namespace forkdex {
namespace {

// A group is what is embedded together. Bytes stand in for tokens (about three to a token), which
// are only counted later; the limit on files keeps the wait of the first one short.
constexpr std::size_t kGroupFiles = 16;
constexpr std::size_t kGroupBytesPerBatchToken = 3 * 4;

}  // namespace

IndexFileHandler::IndexFileHandler(const Means& means,
                                   const PerView<std::optional<EmbeddingModel>>& models,
                                   std::uint64_t batch_tokens)
    : means_(means), batch_tokens_(batch_tokens) {
  for (const View view : kViews) {
    if (!models[view]) continue;
    if (view == View::kText && models.code && models.text->embedder == models.code->embedder) {
      vectors_.text = vectors_.code;
      continue;
    }
    models_.push_back(std::make_unique<GroupVectors>(*models[view], means.store, means.receiver));
    vectors_[view] = models_.back().get();
  }
}

bool IndexFileHandler::full() const {
  return group_.size() >= kGroupFiles || group_bytes_ >= batch_tokens_ * kGroupBytesPerBatchToken;
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
  if (auto embedded = embed_group(); !embedded) return embedded;
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
    if (view == View::kText && !vectors_.text) continue;
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
  in_hand.result.reused = in_hand.result.chunks * views();
  return std::optional((*stored)->verdict.state);
}

/// Embeds every text of the group whose vector is not known yet, each text once a model.
Result<void> IndexFileHandler::embed_group() {
  bool any = false;
  for (const auto& model : models_) {
    model->clear();
    std::map<Sha256, GroupVectors::Text> texts;
    for (const View view : kViews) {
      if (vectors_[view] != model.get()) continue;
      for (const auto& in_hand : group_)
        for (std::size_t i = 0; i < in_hand->hashes[view].size(); ++i)
          texts.try_emplace(
              in_hand->hashes[view][i],
              GroupVectors::Text{in_hand->hashes[view][i], text_of(in_hand->parsed.chunks[i], view),
                                 in_hand.get()});
    }
    any = any || !texts.empty();
    if (auto embedded = model->embed_unknown(texts); !embedded) return embedded;
  }
  return any ? fault::point("embed.done") : Result<void>();
}

/// In how many ways a chunk is embedded.
std::uint32_t IndexFileHandler::views() const {
  return (vectors_.code ? 1U : 0U) + (vectors_.text ? 1U : 0U);
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
    result.reused = result.chunks * views() - result.embedded;
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

/// Stores one file. A vector that was known when we looked may have been collected since: the
/// store refuses the file then and names the texts, which are embedded after all.
Result<void> IndexFileHandler::store(FileInHand& in_hand, bool waits_for_disk) {
  for (;;) {
    means_.receiver.enter(in_hand.slot, Stage::kStore);
    auto missing = store_once(in_hand, waits_for_disk);
    if (!missing) return missing.error();
    if (missing->empty()) return {};
    for (const auto& model : models_)
      if (auto embedded = model->embed(texts_of(*missing, *model, in_hand)); !embedded)
        return embedded;
  }
}

/// The texts of `in_hand` that `missing` names for `model`.
std::vector<GroupVectors::Text> IndexFileHandler::texts_of(std::span<const MissingVector> missing,
                                                           const GroupVectors& model,
                                                           FileInHand& in_hand) const {
  std::vector<GroupVectors::Text> texts;
  for (const MissingVector& vector : missing) {
    if (vector.model_id != model.model_id()) continue;
    for (const View view : kViews) {
      const std::vector<Sha256>& hashes = in_hand.hashes[view];
      const auto at = std::find(hashes.begin(), hashes.end(), vector.hash);
      if (vectors_[view] != &model || at == hashes.end()) continue;
      const Chunk& chunk = in_hand.parsed.chunks[static_cast<std::size_t>(at - hashes.begin())];
      texts.push_back({vector.hash, text_of(chunk, view), &in_hand});
      break;
    }
  }
  return texts;
}

Result<std::vector<MissingVector>> IndexFileHandler::store_once(FileInHand& in_hand,
                                                                bool waits_for_disk) {
  CpuTimer timer(in_hand.outcome.times.store);
  PerView<std::vector<StoredVector>> vectors;
  StoredFile file;
  for (const View view : kViews) {
    file.views[view].hashes = in_hand.hashes[view];
    if (!vectors_[view]) continue;
    vectors[view] = vectors_[view]->vectors_of(in_hand, view);
    file.views[view].model_id = vectors_[view]->model_id();
    file.views[view].vectors = vectors[view];
  }
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
