#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/model_folder.h"
#include "common/precision.h"
#include "common/result.h"

namespace forkdex {

/// Turns `query` into its vector (dimension of `model`) in a worker of its own: the supervisor
/// loads no model. BLOCKS for the worker's start and one forward pass. The worker is gone when it
/// returns.
/// ERRORS kUsage (empty query, or more than kMaxPathBytes), kModelUnusable, kBug (the worker died).
Result<std::vector<float>> embed_query(const std::filesystem::path& worker_executable,
                                       const ModelFolder& model, Precision precision,
                                       const std::string& query);

}  // namespace forkdex
