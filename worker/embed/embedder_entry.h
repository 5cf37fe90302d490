#pragma once

// The one function of the embedder library, which the worker loads where it embeds: what only reads
// and parses starts without libtorch. Library and worker are of one build, so that C++ types cross.

#include <memory>

#include "common/error/result.h"
#include "common/model/model_folder.h"
#include "worker/embed/embedder.h"

namespace forkdex {

using EmbedderEntry = void(const ModelFolder& folder, const Embedder::Options& options,
                           Result<std::unique_ptr<Embedder>>& opened);

inline constexpr const char* kEmbedderLibrary = "libforkdex_embedder.so";
inline constexpr const char* kEmbedderEntry = "forkdex_open_embedder";

}  // namespace forkdex
