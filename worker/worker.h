#pragma once

// The worker's loop: take jobs, have the handler of their kind see to them, say what became of
// each. One thread. Killed at any point, it leaves what its handlers leave (job_handler.h).

#include <array>
#include <memory>
#include <optional>

#include "common/protocol/segment.h"
#include "common/protocol/worker_setup.h"
#include "worker/embed/embedder.h"
#include "worker/embed/tokenizer/tokenizer.h"
#include "worker/job_handler.h"
#include "worker/jobs/embedding_model.h"
#include "worker/parse/chunker.h"
#include "worker/read/repository_files.h"
#include "worker/store/file_store.h"

namespace forkdex {

class Worker {
 public:
  /// What needs neither repository nor database: what embeds and what parses, as far as the setup's
  /// tuning asks for it.
  struct Prepared {
    PerView<std::shared_ptr<Embedder>> embedders;  ///< one for both where it is one model
    std::unique_ptr<Tokenizer> tokenizer;          ///< where chunks are cut and nothing is embedded
    std::unique_ptr<Chunker> chunker;
  };
  /// With `fault_in`, reads the whole weights now and not where they are first used. ERRORS
  /// kModelUnusable, kModelRuntime.
  static Result<Prepared> prepare(const WorkerSetup& setup, bool fault_in);

  /// With `prepared`, what prepare() made of the same models and tuning; empty, start() calls
  /// it. REQUIRES that `receiver` outlives the worker.
  Worker(WorkerSetup setup, JobReceiver& receiver, Prepared prepared = {})
      : setup_(std::move(setup)), receiver_(receiver), prepared_(std::move(prepared)) {}

  /// Opens the models, the repository's folder or object store and the database, then enters the
  /// sandbox. ERRORS those of opening each.
  Result<void> start();

  /// Works until the supervisor asks to stop. ERRORS of radius worker or run; what a job is to
  /// blame for becomes its outcome.
  Result<void> run();

 private:
  Result<void> open_for_indexing(const IndexingSetup& indexing);
  static Result<void> open_models(const WorkerSetup& setup, bool fault_in, Prepared& prepared);
  static Result<void> make_chunker(const WorkerSetup& setup, Prepared& prepared);
  std::optional<EmbeddingModel> stored_model(const IndexingSetup& indexing, View view) const;
  Result<void> shut_in();
  Result<bool> gather();
  bool any_is_full() const;
  std::unique_ptr<JobHandler>& handler(JobKind kind) {
    return handlers_[static_cast<std::size_t>(kind)];
  }

  WorkerSetup setup_;
  JobReceiver& receiver_;
  std::optional<RepositoryFiles> files_;
  Prepared prepared_;
  std::optional<FileStore> store_;
  std::array<std::unique_ptr<JobHandler>, kJobKinds> handlers_;  // by kind; null: not done here
};

}  // namespace forkdex
