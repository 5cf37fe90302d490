#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/error/result.h"
#include "common/model/model_folder.h"
#include "common/protocol/worker_setup.h"

namespace forkdex {

/// Turns `query` into its vector (dimension of `model`) in a worker of its own, which computes as
/// `tuning` says: the supervisor loads no model. A worker that dies is replaced once. BLOCKS for
/// the worker's start and one forward pass. The worker is gone when it returns. ERRORS kUsage
/// (empty query, or more than kMaxQueryBytes), kModelUnusable, kBug (no worker can start, or two
/// died over the query).
Result<std::vector<float>> embed_query(const std::filesystem::path& worker_executable,
                                       const ModelFolder& model, const WorkerTuning& tuning,
                                       const std::string& query);

}  // namespace forkdex
