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

#include "common/segment.h"
#include "common/worker_setup.h"
#include "worker/embed/embedder.h"
#include "worker/parse/chunker.h"
#include "worker/repository_files.h"
#include "worker/source_file.h"
#include "worker/store/file_store.h"

namespace forkdex {

class Worker {
 public:
  /// What needs neither repository nor database: the model, and what parses.
  struct Prepared {
    std::unique_ptr<Embedder> embedder;
    std::unique_ptr<Chunker> chunker;  ///< none for a worker that only embeds queries
  };
  /// Opens the model and, where `setup` says that the worker indexes, makes the chunker. With
  /// `fault_in`, reads the whole weights now and not where they are first used. ERRORS
  /// kModelUnusable, kModelRuntime.
  static Result<Prepared> prepare(const WorkerSetup& setup, bool fault_in);

  /// With `prepared`, what prepare() made of the same model and batch size; empty, start() calls
  /// it. REQUIRES that `receiver` outlives the worker.
  Worker(WorkerSetup setup, JobReceiver& receiver, Prepared prepared = {})
      : setup_(std::move(setup)),
        receiver_(receiver),
        embedder_(std::move(prepared.embedder)),
        chunker_(std::move(prepared.chunker)) {}

  /// Opens the model, the repository's folder or object store and the database, then enters the
  /// sandbox. ERRORS those of opening each.
  Result<void> start();

  /// Works until the supervisor asks to stop. ERRORS of radius worker or run; file errors become
  /// outcomes.
  Result<void> run();

 private:
  /// A file in hand: taken, parsed, not yet stored.
  struct InHand {
    JobReceiver::Taken taken;
    Outcome outcome;
    SourceFile file;
    ParsedFile parsed;
    std::vector<Sha256> hashes;  // content hash of each chunk
    std::chrono::steady_clock::time_point taken_at;
  };
  /// A text no vector is known for, and the vector once there is one.
  struct NewText {
    Sha256 hash;
    std::string_view source;
    InHand* owner;  // who pays for it
  };

  Result<void> open_for_indexing();
  Result<void> shut_in();
  Result<bool> gather();
  Result<void> prepare(JobReceiver::Taken taken);
  Result<std::optional<FileState>> parse(InHand& in_hand);
  Result<std::optional<FileState>> look_up_result(InHand& in_hand);
  Result<void> embed_group();
  Result<void> embed(std::vector<NewText>& texts);
  Result<void> embed_slice(std::span<const NewText> slice);
  void embedding(std::span<const NewText> slice, std::span<const std::size_t> texts);
  Result<void> store_held_vectors();
  Result<void> store_group();
  Result<bool> store_or_refuse(InHand& in_hand, bool waits_for_disk);
  Result<void> store(InHand& in_hand, bool waits_for_disk);
  Result<std::vector<Sha256>> store_once(InHand& in_hand, bool waits_for_disk);
  std::vector<StoredVector> vectors_of(const InHand& in_hand) const;
  Result<void> answer_query(const JobReceiver::Taken& taken);
  Result<void> embed_messages(const JobReceiver::Taken& taken);
  void finish(InHand& in_hand, FileState state);
  void finish_with(InHand& in_hand, const Error& error);

  WorkerSetup setup_;
  JobReceiver& receiver_;
  std::optional<RepositoryFiles> files_;
  std::unique_ptr<Embedder> embedder_;
  std::unique_ptr<Chunker> chunker_;
  std::optional<FileStore> store_;
  std::vector<std::unique_ptr<InHand>> group_;
  std::size_t group_bytes_ = 0;
  std::vector<InHand*> embedding_;  // the files that the batch at hand has texts of
  std::vector<Sha256> new_hashes_;  // row i of new_vectors_ belongs to new_hashes_[i]
  std::vector<float> new_vectors_;
};

}  // namespace forkdex
