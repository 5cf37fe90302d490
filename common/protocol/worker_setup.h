#pragma once

// What a worker is told before its first job: in a sealed memory file, because the database URL may
// hold a password and neither argv nor the environment may.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/fields.h"
#include "common/base/unique_fd.h"
#include "common/error/result.h"
#include "common/model/precision.h"
#include "common/model/view_models.h"

namespace forkdex {

/// Descriptors a worker finds open, beside stdin, stdout and stderr.
enum WorkerFd : int {
  kSegmentFd = 3,
  kJobsFd = 4,
  kOutcomesFd = 5,
  kSetupFd = 6,
  kFirstFreeFd = 7,
};

/// How a worker computes, whatever it works on. A fork server prepares by it what its clones share.
struct WorkerTuning {
  std::uint64_t batch_tokens = 2048;
  Precision precision = Precision::kAuto;
  std::string cache_folder;             ///< for Embedder::Options; may be empty
  bool parses = false;                  ///< files; it has a chunker
  bool embeds = true;                   ///< it has the models
  std::uint64_t parse_deadline_ms = 0;  ///< how long a file may be parsed, in real time
};

template <class Visit, FieldsOf<WorkerTuning> Self>
void visit_fields(Visit&& visit, Self& tuning) {
  visit(tuning.batch_tokens, tuning.precision, tuning.cache_folder, tuning.parses, tuning.embeds,
        tuning.parse_deadline_ms);
}

/// The repository that a worker indexes, and where its rows go.
struct IndexingSetup {
  std::string database_url;
  std::string database_password;  ///< PGPASSWORD, which a worker's environment does not hold
  std::string root;               ///< absolute path of the repository
  /// Where jobs name blobs and not files: the object store, then its alternates; else empty.
  std::vector<std::string> object_folders;
  std::int64_t repository_id = 0;
  PerView<std::int64_t> model_ids;  ///< 0 where the view is off
  std::int64_t run_id = 0;
  std::string recipe;
  std::uint64_t max_file_bytes = 0;
  std::uint64_t lock_timeout_ms = 0;   ///< how long a statement may wait for another session's lock
  std::vector<std::string> languages;  ///< ids of those to index; empty admits every language
};

template <class Visit, FieldsOf<IndexingSetup> Self>
void visit_fields(Visit&& visit, Self& indexing) {
  visit(indexing.database_url, indexing.database_password, indexing.root, indexing.object_folders,
        indexing.repository_id, indexing.model_ids.code, indexing.model_ids.text, indexing.run_id,
        indexing.recipe, indexing.max_file_bytes, indexing.lock_timeout_ms, indexing.languages);
}

template <class Visit, FieldsOf<ModelFolder> Self>
void visit_fields(Visit&& visit, Self& model) {
  visit(model.path, model.name, model.architecture, model.dimension, model.max_tokens,
        model.pooling, model.query_prefix, model.document_prefix, model.normalize, model.lower_case,
        model.encoder, model.fingerprint);
}

struct WorkerSetup {
  ViewModels models;
  WorkerTuning tuning;
  std::uint32_t worker = 0;  ///< 0-based number in the pool, by which its connection is named
  /// None for a worker that only embeds queries: it gets no database and no repository.
  std::optional<IndexingSetup> indexing;
};

template <class Visit, FieldsOf<WorkerSetup> Self>
void visit_fields(Visit&& visit, Self& setup) {
  visit(setup.models.code, setup.models.text, setup.tuning, setup.worker, setup.indexing);
}

/// Writes `setup` into a sealed memory file. GIVES the descriptor. ERRORS kBug with errno.
Result<UniqueFd> write_worker_setup(const WorkerSetup& setup);

/// Reads what write_worker_setup wrote. ERRORS kRingBroken.
Result<WorkerSetup> read_worker_setup(int fd);

}  // namespace forkdex
