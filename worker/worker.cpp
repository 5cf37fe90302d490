#include "worker/worker.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <numeric>
#include <unordered_set>

#include <fmt/format.h>

#include "common/cpu_time.h"
#include "common/fault.h"
#include "worker/message_embedding.h"
#include "worker/sandbox/sandbox.h"

namespace forkdex {
namespace {

// A group is what is embedded together. Bytes stand in for tokens (about three to a token), which
// are only counted later; the limit on files keeps the wait of the first one short.
constexpr std::size_t kGroupFiles = 16;
constexpr std::size_t kGroupBytesPerBatchToken = 3 * 4;
// Texts embedded at once, and vectors held at once: those of a file with more are stored ahead of
// it, so that memory stays within a few megabytes and a second attempt finds them.
constexpr std::size_t kSliceTexts = 512;
constexpr std::size_t kHeldVectors = 4 * kSliceTexts;

std::string_view bytes_of(const Sha256& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

/// Has the libraries behind the model look up what they look up once, such as /proc/cpuinfo: in the
/// sandbox they could not, and would make do with less.
Result<void> warm_up(Embedder& embedder) {
  const std::string_view texts[] = {"a"};
  std::vector<float> vector(embedder.dimension());
  std::uint64_t tokens = 0;
  return embedder.embed(texts, vector, tokens);
}

}  // namespace

Result<Worker::Prepared> Worker::prepare(const WorkerSetup& setup, bool fault_in) {
  Prepared prepared;
  auto embedder =
      Embedder::open(setup.model, {.batch_tokens = static_cast<std::size_t>(setup.batch_tokens),
                                   .fault_in = fault_in,
                                   .precision = setup.precision,
                                   .cache_folder = setup.cache_folder});
  if (!embedder) return embedder.error();
  prepared.embedder = *std::move(embedder);
  if (auto warm = warm_up(*prepared.embedder); !warm) return warm.error();
  if (!setup.indexes) return prepared;
  const Tokenizer& tokenizer = prepared.embedder->tokenizer();
  Chunker::Limits limits;
  limits.max_tokens = setup.model.max_tokens;
  limits.parse_deadline.real = std::chrono::milliseconds(setup.parse_deadline_ms);
  prepared.chunker = std::make_unique<Chunker>(
      [&tokenizer](std::string_view text) { return tokenizer.count(text); }, limits);
  return prepared;
}

Result<void> Worker::start() {
  if (auto passed = fault::point("worker.start"); !passed) return passed;
  if (!embedder_) {
    auto prepared = prepare(setup_, false);
    if (!prepared) return prepared.error();
    embedder_ = std::move(prepared->embedder);
    chunker_ = std::move(prepared->chunker);
  }
  if (setup_.indexes)
    if (auto opened = open_for_indexing(); !opened) return opened;
  return shut_in();
}

Result<void> Worker::open_for_indexing() {
  auto files = RepositoryFiles::open(setup_);
  if (!files) return files.error();
  files_.emplace(*std::move(files));
  // Set after exec: /proc shows the environment a process was started with.
  if (!setup_.database_password.empty())
    ::setenv("PGPASSWORD", setup_.database_password.c_str(), 1);
  if (auto passed = fault::point("worker.connect"); !passed) return passed;
  auto store =
      FileStore::open(setup_.database_url, "forkdex worker " + std::to_string(setup_.worker),
                      std::chrono::milliseconds(setup_.lock_timeout_ms));
  if (!store) return store.error();
  store_.emplace(*std::move(store));
  return {};
}

/// Everything is open: the rest of the machine is none of our business.
Result<void> Worker::shut_in() {
  std::vector<std::filesystem::path> readable = {setup_.model.path};
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
         group_bytes_ < setup_.batch_tokens * kGroupBytesPerBatchToken) {
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
  auto in_hand = std::make_unique<InHand>();
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
Result<std::optional<FileState>> Worker::parse(InHand& in_hand) {
  const Job& job = in_hand.taken.job;
  {
    CpuTimer timer(in_hand.outcome.read);
    receiver_.enter(in_hand.taken.slot, Stage::kRead);
    if (auto passed = fault::point("file.read", job.path); !passed) return passed.error();
    auto file = files_->read(job, setup_.max_file_bytes);
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
  auto parsed = chunker_->chunk(job.path, in_hand.file.bytes);
  if (!parsed) return parsed.error();
  in_hand.parsed = *std::move(parsed);
  in_hand.outcome.language = in_hand.parsed.language;
  in_hand.outcome.detail = in_hand.parsed.detail;
  for (const Chunk& chunk : in_hand.parsed.chunks) in_hand.hashes.push_back(sha256(chunk.source));
  return std::optional<FileState>();
}

/// An earlier attempt may have committed the file before it could say so: the row tells.
Result<std::optional<FileState>> Worker::look_up_result(InHand& in_hand) {
  StoredFile file;
  file.repository_id = setup_.repository_id;
  file.path = in_hand.taken.job.path;
  file.content_hash = in_hand.file.hash;
  file.recipe = setup_.recipe;
  auto stored = store_->stored_by_run(setup_.run_id, file);
  if (!stored) return stored.error();
  if (!*stored) return std::optional<FileState>();
  Outcome& outcome = in_hand.outcome;
  outcome.language = std::move((*stored)->language);
  outcome.detail = std::move((*stored)->detail);
  outcome.chunks = outcome.reused = (*stored)->chunks;
  return std::optional((*stored)->state);
}

/// Embeds every text of the group whose vector is not known yet, each text once.
Result<void> Worker::embed_group() {
  new_hashes_.clear();
  new_vectors_.clear();
  std::map<Sha256, NewText> unseen;
  for (const auto& in_hand : group_) {
    for (std::size_t i = 0; i < in_hand->hashes.size(); ++i)
      unseen.try_emplace(
          in_hand->hashes[i],
          NewText{in_hand->hashes[i], in_hand->parsed.chunks[i].source, in_hand.get()});
  }
  if (unseen.empty()) return {};
  std::vector<Sha256> hashes;
  for (const auto& [hash, text] : unseen) hashes.push_back(hash);
  if (auto passed = fault::point("embed.lookup"); !passed) return passed;
  auto known = store_->known_vectors(setup_.model_id, hashes);
  if (!known) return known.error();
  std::vector<NewText> texts;
  for (std::size_t i = 0; i < hashes.size(); ++i)
    if (!(*known)[i]) texts.push_back(unseen.at(hashes[i]));
  if (auto embedded = embed(texts); !embedded) return embedded;
  return fault::point("embed.done");
}

/// The files that the next batch has texts of are at work, and no other.
void Worker::embedding(std::span<const NewText> slice, std::span<const std::size_t> texts) {
  std::vector<InHand*> owners;
  for (const std::size_t text : texts) owners.push_back(slice[text].owner);
  std::sort(owners.begin(), owners.end());
  owners.erase(std::unique(owners.begin(), owners.end()), owners.end());
  for (const InHand* rests : embedding_)
    if (!std::binary_search(owners.begin(), owners.end(), rests))
      receiver_.enter(rests->taken.slot, Stage::kWaiting);
  for (const InHand* owner : owners) receiver_.enter(owner->taken.slot, Stage::kEmbed);
  embedding_ = std::move(owners);
}

/// Embeds `texts` slice by slice. Vectors beyond what may be held are stored at once.
Result<void> Worker::embed(std::vector<NewText>& texts) {
  for (std::size_t start = 0; start < texts.size(); start += kSliceTexts) {
    const std::size_t size = std::min(kSliceTexts, texts.size() - start);
    if (auto embedded = embed_slice({texts.data() + start, size}); !embedded) return embedded;
    if (new_hashes_.size() < kHeldVectors) continue;
    if (auto stored = store_held_vectors(); !stored) return stored;
  }
  return {};
}

/// Appends the hashes and vectors of `slice`, and charges CPU time and tokens to the owners.
Result<void> Worker::embed_slice(std::span<const NewText> slice) {
  const std::size_t dimension = embedder_->dimension();
  std::vector<std::string> prefixed;
  std::vector<std::string_view> sources;
  prefixed.reserve(slice.size());
  for (const NewText& text : slice) {
    if (setup_.model.document_prefix.empty()) {
      sources.push_back(text.source);
    } else {
      prefixed.push_back(setup_.model.document_prefix + std::string(text.source));
      sources.push_back(prefixed.back());
    }
  }
  const std::size_t row = new_hashes_.size();
  new_vectors_.resize((row + slice.size()) * dimension);
  std::chrono::nanoseconds cpu{0};
  std::uint64_t tokens = 0;
  {
    CpuTimer timer(cpu);
    std::vector<std::size_t> all(slice.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    embedding(slice, all);  // while they are tokenized
    for (const InHand* owner : embedding_)
      if (auto passed = fault::point("embed.batch", owner->taken.job.path); !passed) return passed;
    auto embedded = embedder_->embed(sources, std::span(new_vectors_).subspan(row * dimension),
                                     tokens, [&](auto batch) { embedding(slice, batch); });
    if (!embedded) return embedded;
    embedding(slice, {});
  }
  std::size_t bytes = 1;
  for (const std::string_view source : sources) bytes += source.size();
  for (const NewText& text : slice) {
    const double share = static_cast<double>(text.source.size()) / static_cast<double>(bytes);
    text.owner->outcome.embed += std::chrono::nanoseconds(
        static_cast<std::int64_t>(share * static_cast<double>(cpu.count())));
    ++text.owner->outcome.embedded;
    new_hashes_.push_back(text.hash);
  }
  slice.front().owner->outcome.tokens += tokens;
  return {};
}

/// Stores the vectors in hand ahead of their files and lets go of them.
Result<void> Worker::store_held_vectors() {
  const std::size_t dimension = embedder_->dimension();
  std::vector<StoredVector> vectors;
  for (std::size_t row = 0; row < new_hashes_.size(); ++row)
    vectors.push_back(
        {new_hashes_[row], std::span(new_vectors_).subspan(row * dimension, dimension)});
  if (auto stored = store_->store_vectors(setup_.model_id, vectors); !stored) {
    // What refuses one file may pass: they are stored with their files then.
    const bool may_pass = traits(stored.error().code).radius == BlastRadius::kFile;
    return may_pass ? Result<void>() : stored;
  }
  new_hashes_.clear();
  new_vectors_.clear();
  return {};
}

/// Stores the group, a transaction a file, and reports it when all of it is on the disk: small
/// files would wait longer for that than for everything else.
Result<void> Worker::store_group() {
  std::vector<InHand*> stored;
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
  for (InHand* in_hand : stored) {
    if (auto passed = fault::point("worker.outcome", in_hand->taken.job.path); !passed)
      return passed;
    in_hand->outcome.chunks = static_cast<std::uint32_t>(in_hand->hashes.size());
    in_hand->outcome.reused = in_hand->outcome.chunks - in_hand->outcome.embedded;
    finish(*in_hand, in_hand->hashes.empty() ? FileState::kEmpty : FileState::kIndexed);
  }
  group_.clear();
  return {};
}

/// Stores one file. False when it was refused, which is reported.
Result<bool> Worker::store_or_refuse(InHand& in_hand, bool waits_for_disk) {
  auto stored = store(in_hand, waits_for_disk);
  if (!stored && traits(stored.error().code).radius != BlastRadius::kFile) return stored.error();
  if (!stored) finish_with(in_hand, stored.error());
  if (stored && !waits_for_disk) receiver_.enter(in_hand.taken.slot, Stage::kWaiting);
  return stored.ok();
}

/// The new vectors among those the file's chunks refer to.
std::vector<StoredVector> Worker::vectors_of(const InHand& in_hand) const {
  std::unordered_set<std::string_view> wanted;
  for (const Sha256& hash : in_hand.hashes) wanted.insert(bytes_of(hash));
  const std::size_t dimension = embedder_->dimension();
  std::vector<StoredVector> vectors;
  for (std::size_t row = 0; row < new_hashes_.size(); ++row)
    if (wanted.contains(bytes_of(new_hashes_[row])))
      vectors.push_back(
          {new_hashes_[row], std::span(new_vectors_).subspan(row * dimension, dimension)});
  return vectors;
}

/// Stores one file. A vector that was known when we looked may have been collected since: the
/// store refuses the file then and names the texts, which are embedded after all.
Result<void> Worker::store(InHand& in_hand, bool waits_for_disk) {
  for (;;) {
    receiver_.enter(in_hand.taken.slot, Stage::kStore);
    auto missing = store_once(in_hand, waits_for_disk);
    if (!missing) return missing.error();
    if (missing->empty()) return {};
    std::vector<NewText> texts;
    for (const Sha256& hash : *missing) {
      const auto at = std::find(in_hand.hashes.begin(), in_hand.hashes.end(), hash);
      const auto index = static_cast<std::size_t>(at - in_hand.hashes.begin());
      texts.push_back({hash, in_hand.parsed.chunks[index].source, &in_hand});
    }
    if (auto embedded = embed(texts); !embedded) return embedded;
  }
}

Result<std::vector<Sha256>> Worker::store_once(InHand& in_hand, bool waits_for_disk) {
  CpuTimer timer(in_hand.outcome.store);
  const Job& job = in_hand.taken.job;
  const std::vector<StoredVector> vectors = vectors_of(in_hand);
  StoredFile file;
  file.repository_id = setup_.repository_id;
  file.path = job.path;
  file.content_hash = in_hand.file.hash;
  file.language = in_hand.parsed.language;
  file.state = in_hand.hashes.empty() ? FileState::kEmpty : FileState::kIndexed;
  file.detail = in_hand.parsed.detail;
  file.bytes = in_hand.outcome.bytes;
  file.signature = in_hand.file.signature;
  file.blob_oid = in_hand.file.blob_oid;
  file.recipe = setup_.recipe;
  file.attempts = job.attempt;
  file.chunks = in_hand.parsed.chunks;
  file.hashes = in_hand.hashes;
  file.model_id = setup_.model_id;
  file.vectors = vectors;
  file.waits_for_disk = waits_for_disk;
  return store_->store(file);
}

Result<void> Worker::answer_query(const JobReceiver::Taken& taken) {
  const std::string text = setup_.model.query_prefix + taken.job.path;
  const std::string_view texts[] = {text};
  std::vector<float> vector(embedder_->dimension());
  Outcome outcome;
  outcome.job_id = taken.job.id;
  if (auto embedded = embedder_->embed(texts, vector, outcome.tokens); !embedded) return embedded;
  receiver_.set_vector(vector);
  receiver_.finish(taken.slot, outcome);
  return {};
}

/// At once, and not with a group: the messages of one job are a group.
Result<void> Worker::embed_messages(const JobReceiver::Taken& taken) {
  auto outcome = MessageEmbedding(*embedder_, *store_, receiver_, setup_.model_id).run(taken);
  if (!outcome) return outcome.error();
  receiver_.finish(taken.slot, *outcome);
  return {};
}

void Worker::finish(InHand& in_hand, FileState state) {
  in_hand.outcome.state = state;
  in_hand.outcome.elapsed = std::chrono::steady_clock::now() - in_hand.taken_at;
  receiver_.finish(in_hand.taken.slot, in_hand.outcome);
}

void Worker::finish_with(InHand& in_hand, const Error& error) {
  const ErrorTraits& row = traits(error.code);
  in_hand.outcome.reason = row.name;
  in_hand.outcome.detail = error.text();
  finish(in_hand, row.radius == BlastRadius::kNothing ? FileState::kSkipped : FileState::kFailed);
}

}  // namespace forkdex
