#pragma once

// Opens embedders without linking libtorch: by a library that is loaded at the first call.

#include <memory>

#include "common/error/result.h"
#include "common/model/model_folder.h"
#include "worker/embed/embedder.h"

namespace forkdex {

/// Embedder::open by the embedder library (embedder_entry.h), which stands beside the program or
/// where it was installed, and stays loaded. THREAD one. ERRORS kBug where the library or
/// libtorch cannot be loaded, else as Embedder::open.
Result<std::unique_ptr<Embedder>> load_embedder(const ModelFolder& folder,
                                                const Embedder::Options& options);

}  // namespace forkdex
