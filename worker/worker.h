#pragma once

// The worker's loop: take jobs, read and parse them, embed what is new, store file by file, say
// what became of each. One thread. Several files travel together so that a forward pass has enough
// tokens; each still has a transaction of its own. Of these only the last waits for the disk, which
// takes the others along; then all are reported.
//
// Killed at any point, it leaves at most one open transaction, which the server rolls back. Files
// that were committed and not yet reported are recognised, or stored again, by the next incarnation
// that gets them.

#include <memory>
#include <optional>
#include <vector>

#include "common/protocol/segment.h"
#include "common/protocol/worker_setup.h"
#include "worker/embed/embedder.h"
#include "worker/jobs/file_in_hand.h"
#include "worker/jobs/group_vectors.h"
#include "worker/parse/chunker.h"
#include "worker/read/repository_files.h"
#include "worker/store/file_store.h"

namespace forkdex {

class Worker {
 public:
  /// What needs neither repository nor database: the models, and what parses.
  struct Prepared {
    PerView<std::shared_ptr<Embedder>> embedders;  ///< one for both where it is one model
    std::unique_ptr<Chunker> chunker;              ///< none for a worker that only embeds queries
  };
  /// Opens the models and, where `setup` says that the worker parses, makes the chunker. With
  /// `fault_in`, reads the whole weights now and not where they are first used. ERRORS
  /// kModelUnusable, kModelRuntime.
  static Result<Prepared> prepare(const WorkerSetup& setup, bool fault_in);

  /// With `prepared`, what prepare() made of the same models and batch size; empty, start() calls
  /// it. REQUIRES that `receiver` outlives the worker.
  Worker(WorkerSetup setup, JobReceiver& receiver, Prepared prepared = {})
      : setup_(std::move(setup)), receiver_(receiver), prepared_(std::move(prepared)) {}

  /// Opens the models, the repository's folder or object store and the database, then enters the
  /// sandbox. ERRORS those of opening each.
  Result<void> start();

  /// Works until the supervisor asks to stop. ERRORS of radius worker or run; file errors become
  /// outcomes.
  Result<void> run();

 private:
  Result<void> open_for_indexing(const IndexingSetup& indexing);
  Result<void> shut_in();
  Result<bool> gather();
  Result<void> prepare(JobReceiver::Taken taken);
  Result<std::optional<FileState>> parse(FileInHand& in_hand);
  Result<std::optional<FileState>> look_up_result(FileInHand& in_hand);
  Result<void> embed_group();
  std::uint32_t views() const;
  std::vector<GroupVectors::Text> texts_of(std::span<const MissingVector> missing,
                                           const GroupVectors& model, FileInHand& in_hand) const;
  Result<void> store_group();
  Result<bool> store_or_refuse(FileInHand& in_hand, bool waits_for_disk);
  Result<void> store(FileInHand& in_hand, bool waits_for_disk);
  Result<std::vector<MissingVector>> store_once(FileInHand& in_hand, bool waits_for_disk);
  Result<void> answer_query(const JobReceiver::Taken& taken);
  Result<void> embed_messages(const JobReceiver::Taken& taken);
  void finish(FileInHand& in_hand, FileState state);
  void finish_with(FileInHand& in_hand, const Error& error);

  WorkerSetup setup_;
  JobReceiver& receiver_;
  std::optional<RepositoryFiles> files_;
  Prepared prepared_;
  std::optional<FileStore> store_;
  std::vector<std::unique_ptr<GroupVectors>> models_;  // each once
  PerView<GroupVectors*> vectors_;                     // null where the view is off
  std::vector<std::unique_ptr<FileInHand>> group_;
  std::size_t group_bytes_ = 0;
};

}  // namespace forkdex
