#include "worker/worker.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>

#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/error/fault.h"
#include "worker/jobs/message_embedding.h"
#include "worker/sandbox/sandbox.h"

namespace forkdex {
namespace {

// A group is what is embedded together. Bytes stand in for tokens (about three to a token), which
// are only counted later; the limit on files keeps the wait of the first one short.
constexpr std::size_t kGroupFiles = 16;
constexpr std::size_t kGroupBytesPerBatchToken = 3 * 4;

/// Has the libraries behind the model look up what they look up once, such as /proc/cpuinfo: in the
/// sandbox they could not, and would make do with less.
Result<void> warm_up(Embedder& embedder) {
  const std::string_view texts[] = {"a"};
  std::vector<float> vector(embedder.dimension());
  std::uint64_t tokens = 0;
  return embedder.embed(texts, vector, tokens);
}

/// How many tokens a chunk may have: as many as the model reads behind the prefix of every text.
Result<std::size_t> room_for_text(const ModelFolder& model, const Tokenizer& tokenizer) {
  const std::size_t prefix = tokenizer.count(model.document_prefix) - tokenizer.count("");
  if (2 * prefix < model.max_tokens) return model.max_tokens - prefix;
  return Error{ErrorCode::kModelUnusable,
               fmt::format("the document prefix takes {} of the {} tokens that {} reads: give a "
                           "shorter one",
                           prefix, model.max_tokens, model.name),
               model.path.string()};
}

}  // namespace

Result<Worker::Prepared> Worker::prepare(const WorkerSetup& setup, bool fault_in) {
  Prepared prepared;
  for (const View view : kViews) {
    if (!setup.models[view]) continue;
    if (view == View::kText && is_one_model(setup.models)) {
      prepared.embedders.text = prepared.embedders.code;
      continue;
    }
    auto embedder = Embedder::open(
        *setup.models[view], {.batch_tokens = static_cast<std::size_t>(setup.tuning.batch_tokens),
                              .fault_in = fault_in,
                              .precision = setup.tuning.precision,
                              .cache_folder = setup.tuning.cache_folder});
    if (!embedder) return embedder.error();
    if (auto warm = warm_up(**embedder); !warm) return warm.error();
    prepared.embedders[view] = *std::move(embedder);
  }
  if (!setup.tuning.parses) return prepared;
  const View cut_by = source_view(setup.models);
  const Tokenizer& tokenizer = prepared.embedders[cut_by]->tokenizer();
  Chunker::Limits limits;
  auto room = room_for_text(*setup.models[cut_by], tokenizer);
  if (!room) return room.error();
  limits.max_tokens = *room;
  limits.parse_deadline.real = std::chrono::milliseconds(setup.tuning.parse_deadline_ms);
  prepared.chunker = std::make_unique<Chunker>(
      [&tokenizer](std::string_view text) { return tokenizer.count(text); }, limits);
  return prepared;
}

Result<void> Worker::start() {
  if (auto passed = fault::point("worker.start"); !passed) return passed;
  if (!prepared_.embedders.code && !prepared_.embedders.text) {
    auto prepared = prepare(setup_, false);
    if (!prepared) return prepared.error();
    prepared_ = *std::move(prepared);
  }
  if (setup_.indexing)
    if (auto opened = open_for_indexing(*setup_.indexing); !opened) return opened;
  return shut_in();
}

Result<void> Worker::open_for_indexing(const IndexingSetup& indexing) {
  auto files = RepositoryFiles::open(indexing);
  if (!files) return files.error();
  files_.emplace(*std::move(files));
  // Set after exec: /proc shows the environment a process was started with.
  if (!indexing.database_password.empty())
    ::setenv("PGPASSWORD", indexing.database_password.c_str(), 1);
  if (auto passed = fault::point("worker.connect"); !passed) return passed;
  auto store =
      FileStore::open(indexing.database_url, "forkdex worker " + std::to_string(setup_.worker),
                      std::chrono::milliseconds(indexing.lock_timeout_ms));
  if (!store) return store.error();
  store_.emplace(*std::move(store));
  for (const View view : kViews) {
    if (!prepared_.embedders[view]) continue;
    if (view == View::kText && prepared_.embedders.text == prepared_.embedders.code) {
      vectors_.text = vectors_.code;
      continue;
    }
    models_.push_back(std::make_unique<GroupVectors>(prepared_.embedders[view],
                                                     setup_.models[view]->document_prefix,
                                                     indexing.model_ids[view], *store_, receiver_));
    vectors_[view] = models_.back().get();
  }
  return {};
}

/// Everything is open: the rest of the machine is none of our business.
Result<void> Worker::shut_in() {
  std::vector<std::filesystem::path> readable;
  for (const View view : kViews)
    if (setup_.models[view]) readable.push_back(setup_.models[view]->path);
  if (files_) readable.insert(readable.end(), files_->folders().begin(), files_->folders().end());
  std::vector<std::string> gaps = enter_sandbox(readable);
  if (store_) {
    const auto superuser = store_->is_superuser();
    if (!superuser) return superuser.error();
    if (*superuser) gaps.emplace_back("a database role that is no superuser");
  }
  receiver_.set_sandbox_gaps(fmt::format("{}", fmt::join(gaps, ", ")));
  return {};
}

Result<void> Worker::run() {
  while (!receiver_.stop_requested()) {
    auto any = gather();
    if (!any) return any.error();
    if (!*any) {
      const auto start = std::chrono::steady_clock::now();
      receiver_.wait();
      receiver_.add_idle(std::chrono::steady_clock::now() - start);
      continue;
    }
    if (auto embedded = embed_group(); !embedded) return embedded;
    if (auto stored = store_group(); !stored) return stored;
  }
  return {};
}

/// Takes jobs until a group is full or none is left. False when there was nothing to take.
Result<bool> Worker::gather() {
  bool any = false;
  group_bytes_ = 0;
  while (group_.size() < kGroupFiles &&
         group_bytes_ < setup_.tuning.batch_tokens * kGroupBytesPerBatchToken) {
    auto taken = receiver_.take();
    if (!taken) return taken.error();
    if (!*taken) break;
    any = true;
    if (auto passed = fault::point("worker.take", (*taken)->job.path); !passed)
      return passed.error();
    const JobKind kind = (*taken)->job.kind;
    auto done = kind == JobKind::kQuery      ? answer_query(**taken)
                : kind == JobKind::kMessages ? embed_messages(**taken)
                                             : prepare(**std::move(taken));
    if (!done) return done.error();
  }
  return any;
}

/// Reads and parses one file; what ends it here is reported at once. ERRORS of radius worker or
/// run.
Result<void> Worker::prepare(JobReceiver::Taken taken) {
  auto in_hand = std::make_unique<FileInHand>();
  in_hand->taken_at = std::chrono::steady_clock::now();
  in_hand->outcome.job_id = taken.job.id;
  in_hand->taken = std::move(taken);
  auto settled = parse(*in_hand);
  if (!settled) {
    if (traits(settled.error().code).radius > BlastRadius::kFile) return settled.error();
    finish_with(*in_hand, settled.error());
  } else if (*settled) {
    finish(*in_hand, **settled);
  } else {
    group_bytes_ += in_hand->file.bytes.size();
    in_hand->file.bytes = {};  // the chunks hold what is needed of them
    receiver_.enter(in_hand->taken.slot, Stage::kWaiting);
    group_.push_back(std::move(in_hand));
  }
  return {};
}

/// Reads and parses. Gives the file's state where nothing is left to do for it.
Result<std::optional<FileState>> Worker::parse(FileInHand& in_hand) {
  const Job& job = in_hand.taken.job;
  {
    CpuTimer timer(in_hand.outcome.read);
    receiver_.enter(in_hand.taken.slot, Stage::kRead);
    if (auto passed = fault::point("file.read", job.path); !passed) return passed.error();
    auto file = files_->read(job, setup_.indexing->max_file_bytes);
    if (!file) return file.error();
    in_hand.file = *std::move(file);
    in_hand.outcome.bytes = in_hand.file.bytes.size();
    in_hand.outcome.blob_oid = in_hand.file.blob_oid;
    receiver_.set_content_hash(in_hand.taken.slot, in_hand.file.hash);
  }
  if (job.known && std::equal(in_hand.file.hash.begin(), in_hand.file.hash.end(), job.known_hash))
    return std::optional(FileState::kUnchanged);
  if (job.in_doubt) {
    auto stored = look_up_result(in_hand);
    if (!stored || *stored) return stored;
  }
  CpuTimer timer(in_hand.outcome.parse);
  receiver_.enter(in_hand.taken.slot, Stage::kParse);
  if (auto passed = fault::point("file.parse", job.path); !passed) return passed.error();
  auto parsed = prepared_.chunker->chunk(job.path, in_hand.file.bytes);
  if (!parsed) return parsed.error();
  in_hand.parsed = *std::move(parsed);
  in_hand.outcome.language = in_hand.parsed.language;
  in_hand.outcome.detail = in_hand.parsed.detail;
  for (const View view : kViews) {
    if (view == View::kText && !vectors_.text) continue;
    for (const Chunk& chunk : in_hand.parsed.chunks)
      in_hand.hashes[view].push_back(sha256(text_of(chunk, view)));
  }
  return std::optional<FileState>();
}

/// An earlier attempt may have committed the file before it could say so: the row tells.
Result<std::optional<FileState>> Worker::look_up_result(FileInHand& in_hand) {
  StoredFile file;
  file.repository_id = setup_.indexing->repository_id;
  file.path = in_hand.taken.job.path;
  file.content_hash = in_hand.file.hash;
  file.recipe = setup_.indexing->recipe;
  auto stored = store_->stored_by_run(setup_.indexing->run_id, file);
  if (!stored) return stored.error();
  if (!*stored) return std::optional<FileState>();
  Outcome& outcome = in_hand.outcome;
  outcome.language = std::move((*stored)->language);
  outcome.detail = std::move((*stored)->verdict.detail);
  outcome.chunks = (*stored)->chunks;
  outcome.reused = outcome.chunks * views();
  return std::optional((*stored)->verdict.state);
}

/// Embeds every text of the group whose vector is not known yet, each text once a model.
Result<void> Worker::embed_group() {
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
std::uint32_t Worker::views() const {
  return (vectors_.code ? 1U : 0U) + (vectors_.text ? 1U : 0U);
}

/// Stores the group, a transaction a file, and reports it when all of it is on the disk: small
/// files would wait longer for that than for everything else.
Result<void> Worker::store_group() {
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
    if (auto passed = fault::point("worker.outcome", in_hand->taken.job.path); !passed)
      return passed;
    Outcome& outcome = in_hand->outcome;
    outcome.chunks = static_cast<std::uint32_t>(in_hand->parsed.chunks.size());
    outcome.reused = outcome.chunks * views() - outcome.embedded;
    finish(*in_hand, outcome.chunks == 0 ? FileState::kEmpty : FileState::kIndexed);
  }
  group_.clear();
  return {};
}

/// Stores one file. False when it was refused, which is reported.
Result<bool> Worker::store_or_refuse(FileInHand& in_hand, bool waits_for_disk) {
  auto stored = store(in_hand, waits_for_disk);
  if (!stored && traits(stored.error().code).radius != BlastRadius::kFile) return stored.error();
  if (!stored) finish_with(in_hand, stored.error());
  if (stored && !waits_for_disk) receiver_.enter(in_hand.taken.slot, Stage::kWaiting);
  return stored.ok();
}

/// Stores one file. A vector that was known when we looked may have been collected since: the
/// store refuses the file then and names the texts, which are embedded after all.
Result<void> Worker::store(FileInHand& in_hand, bool waits_for_disk) {
  for (;;) {
    receiver_.enter(in_hand.taken.slot, Stage::kStore);
    auto missing = store_once(in_hand, waits_for_disk);
    if (!missing) return missing.error();
    if (missing->empty()) return {};
    for (const auto& model : models_)
      if (auto embedded = model->embed(texts_of(*missing, *model, in_hand)); !embedded)
        return embedded;
  }
}

/// The texts of `in_hand` that `missing` names for `model`.
std::vector<GroupVectors::Text> Worker::texts_of(std::span<const MissingVector> missing,
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

Result<std::vector<MissingVector>> Worker::store_once(FileInHand& in_hand, bool waits_for_disk) {
  CpuTimer timer(in_hand.outcome.store);
  const Job& job = in_hand.taken.job;
  PerView<std::vector<StoredVector>> vectors;
  StoredFile file;
  for (const View view : kViews) {
    file.views[view].hashes = in_hand.hashes[view];
    if (!vectors_[view]) continue;
    vectors[view] = vectors_[view]->vectors_of(in_hand, view);
    file.views[view].model_id = vectors_[view]->model_id();
    file.views[view].vectors = vectors[view];
  }
  file.repository_id = setup_.indexing->repository_id;
  file.path = job.path;
  file.content_hash = in_hand.file.hash;
  file.verdict = {in_hand.parsed.chunks.empty() ? FileState::kEmpty : FileState::kIndexed,
                  {},
                  in_hand.parsed.detail,
                  job.attempt};
  file.facts = {std::string(in_hand.parsed.language), in_hand.outcome.bytes, in_hand.file.blob_oid,
                in_hand.file.signature};
  file.recipe = setup_.indexing->recipe;
  file.chunks = in_hand.parsed.chunks;
  file.waits_for_disk = waits_for_disk;
  return store_->store(file);
}

/// A worker for queries has one model.
Result<void> Worker::answer_query(const JobReceiver::Taken& taken) {
  const View view = source_view(setup_.models);
  Embedder& embedder = *prepared_.embedders[view];
  const std::string text = setup_.models[view]->query_prefix + taken.job.path;
  const std::string_view texts[] = {text};
  std::vector<float> vector(embedder.dimension());
  Outcome outcome;
  outcome.job_id = taken.job.id;
  if (auto embedded = embedder.embed(texts, vector, outcome.tokens); !embedded) return embedded;
  receiver_.set_vector(vector);
  receiver_.finish(taken.slot, outcome);
  return {};
}

/// At once, and not with a group: the messages of one job are a group.
Result<void> Worker::embed_messages(const JobReceiver::Taken& taken) {
  const GroupVectors& vectors = *vectors_[message_view(setup_.models)];
  auto outcome = MessageEmbedding(vectors.embedder(), *store_, receiver_, vectors.model_id(),
                                  setup_.models[message_view(setup_.models)]->document_prefix)
                     .run(taken);
  if (!outcome) return outcome.error();
  receiver_.finish(taken.slot, *outcome);
  return {};
}

void Worker::finish(FileInHand& in_hand, FileState state) {
  in_hand.outcome.state = state;
  in_hand.outcome.elapsed = std::chrono::steady_clock::now() - in_hand.taken_at;
  receiver_.finish(in_hand.taken.slot, in_hand.outcome);
}

void Worker::finish_with(FileInHand& in_hand, const Error& error) {
  const ErrorTraits& row = traits(error.code);
  in_hand.outcome.reason = row.name;
  in_hand.outcome.detail = error.text();
  finish(in_hand, row.radius == BlastRadius::kNothing ? FileState::kSkipped : FileState::kFailed);
}

}  // namespace forkdex
