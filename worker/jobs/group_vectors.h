#pragma once

// The vectors that one model makes of the files in hand: of every text that has none in the
// database, once, whatever views and files it is in. One thread.

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "common/protocol/segment.h"
#include "worker/jobs/embedding_model.h"
#include "worker/jobs/file_in_hand.h"
#include "worker/store/file_store.h"

namespace forkdex {

class GroupVectors {
 public:
  /// A text, and the file that pays for it.
  struct Text {
    Sha256 hash;
    std::string_view text;
    FileInHand* owner;
  };

  /// REQUIRES that `store` and `receiver` outlive this.
  GroupVectors(EmbeddingModel model, FileStore& store, JobReceiver& receiver)
      : model_(std::move(model)), store_(store), receiver_(receiver) {}

  std::int64_t model_id() const { return model_.id; }

  /// Begins another group.
  void clear();

  /// Embeds those of `texts` that the database has no vector of. While a batch is computed the
  /// files that have texts in it are in Stage::kEmbed, and all others wait. ERRORS of radius
  /// worker or run.
  Result<void> embed_unknown(const std::map<Sha256, Text>& texts);

  /// Embeds `texts`, whatever the database has. Vectors beyond what may be held are stored ahead
  /// of their files. ERRORS as embed_unknown.
  Result<void> embed(std::span<const Text> texts);

  /// The vectors in hand among those that `file` refers to in `view`. Views of this object.
  std::vector<StoredVector> vectors_of(const FileInHand& file, View view) const;

 private:
  Result<void> embed_slice(std::span<const Text> slice);
  void embedding(std::span<const Text> slice, std::span<const std::size_t> texts);
  Result<void> store_held_vectors();

  EmbeddingModel model_;
  FileStore& store_;
  JobReceiver& receiver_;
  std::vector<FileInHand*> embedding_;  // the files that the batch at hand has texts of
  std::vector<Sha256> hashes_;          // row i of vectors_ belongs to hashes_[i]
  std::vector<float> vectors_;
};

}  // namespace forkdex
