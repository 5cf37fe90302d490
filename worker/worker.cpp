#include "worker/worker.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/error/fault.h"
#include "worker/embed/embedder_library.h"
#include "worker/jobs/embed_query.h"
#include "worker/jobs/embed_texts.h"
#include "worker/jobs/index_file.h"
#include "worker/jobs/merge_words.h"
#include "worker/parse/encodings.h"
#include "worker/sandbox/sandbox.h"
#include "worker/store/vector_store.h"

namespace forkdex {
namespace {

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
  if (setup.tuning.embeds)
    if (auto opened = open_models(setup, fault_in, prepared); !opened) return opened.error();
  if (setup.tuning.parses)
    if (auto made = make_chunker(setup, prepared); !made) return made.error();
  return prepared;
}

Result<void> Worker::open_models(const WorkerSetup& setup, bool fault_in, Prepared& prepared) {
  for (const View view : kViews) {
    if (!setup.models[view]) continue;
    if (view == View::kText && is_one_model(setup.models)) {
      prepared.embedders.text = prepared.embedders.code;
      continue;
    }
    auto embedder = load_embedder(
        *setup.models[view], {.batch_tokens = static_cast<std::size_t>(setup.tuning.batch_tokens),
                              .fault_in = fault_in,
                              .precision = setup.tuning.precision,
                              .cache_folder = setup.tuning.cache_folder});
    if (!embedder) return embedder.error();
    if (auto warm = warm_up(**embedder); !warm) return warm;
    prepared.embedders[view] = *std::move(embedder);
  }
  return {};
}

Result<void> Worker::make_chunker(const WorkerSetup& setup, Prepared& prepared) {
  open_encodings();
  const View cut_by = source_view(setup.models);
  const ModelFolder& model = *setup.models[cut_by];
  if (!prepared.embedders[cut_by]) {
    auto opened = Tokenizer::open(model.path, model.lower_case);
    if (!opened) return opened.error();
    prepared.tokenizer = *std::move(opened);
  }
  const Tokenizer& tokenizer =
      prepared.embedders[cut_by] ? prepared.embedders[cut_by]->tokenizer() : *prepared.tokenizer;
  Chunker::Limits limits;
  auto room = room_for_text(model, tokenizer);
  if (!room) return room.error();
  limits.max_tokens = *room;
  limits.parse_deadline.real = std::chrono::milliseconds(setup.tuning.parse_deadline_ms);
  prepared.chunker = std::make_unique<Chunker>(
      [&tokenizer](std::string_view text) { return tokenizer.count(text); }, limits);
  return {};
}

Result<void> Worker::start() {
  if (auto passed = fault::point("worker.start"); !passed) return passed;
  if (!prepared_.chunker && !prepared_.embedders.code && !prepared_.embedders.text) {
    auto prepared = prepare(setup_, false);
    if (!prepared) return prepared.error();
    prepared_ = *std::move(prepared);
  }
  if (setup_.indexing)
    if (auto opened = open_for_indexing(*setup_.indexing); !opened) return opened;
  const View asked = source_view(setup_.models);  // a search gives each model a worker of its own
  if (prepared_.embedders[asked])
    handler(JobKind::kEmbedQuery) = std::make_unique<EmbedQueryHandler>(
        receiver_, prepared_.embedders[asked], setup_.models[asked]->query_prefix);
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
  handler(JobKind::kIndexFile) = std::make_unique<IndexFileHandler>(IndexFileHandler::Means{
      receiver_, indexing, *files_, *prepared_.chunker, *store_, setup_.models.text.has_value()});
  handler(JobKind::kMergeWords) = std::make_unique<MergeWordsHandler>(
      receiver_, WordStore(store_->connection(), indexing.repository_id));
  if (!setup_.tuning.embeds) return {};
  auto vectors = VectorStore::open(store_->connection());
  if (!vectors) return vectors.error();
  handler(JobKind::kEmbedTexts) = std::make_unique<EmbedTextsHandler>(
      receiver_, *std::move(vectors),
      EmbedTextsHandler::Models{stored_model(indexing, View::kCode),
                                stored_model(indexing, View::kText),
                                stored_model(indexing, message_view(setup_.models))});
  return {};
}

std::optional<EmbeddingModel> Worker::stored_model(const IndexingSetup& indexing, View view) const {
  if (!prepared_.embedders[view]) return std::nullopt;
  return EmbeddingModel{prepared_.embedders[view], setup_.models[view]->document_prefix,
                        indexing.model_ids[view]};
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
    for (const auto& handler : handlers_)
      if (handler)
        if (auto flushed = handler->flush(); !flushed) return flushed;
  }
  return {};
}

bool Worker::any_is_full() const {
  return std::any_of(handlers_.begin(), handlers_.end(),
                     [](const auto& handler) { return handler && handler->full(); });
}

/// Takes jobs until a handler is full or none is left. False when there was nothing to take.
Result<bool> Worker::gather() {
  bool any = false;
  while (!any_is_full()) {
    auto taken = receiver_.take();
    if (!taken) return taken.error();
    if (!*taken) break;
    any = true;
    const auto& takes = handler((*taken)->job.kind);
    if (!takes)
      return Error{ErrorCode::kRingBroken, "a job is of a kind that this worker has no part in",
                   ""};
    if (auto done = takes->take(**std::move(taken)); !done) return done.error();
  }
  return any;
}

}  // namespace forkdex
