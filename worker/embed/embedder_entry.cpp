#include "worker/embed/embedder_entry.h"

#include <memory>
#include <type_traits>

namespace forkdex {

extern "C" __attribute__((visibility("default"))) void forkdex_open_embedder(
    const ModelFolder& folder, const Embedder::Options& options,
    Result<std::unique_ptr<Embedder>>& opened) {
  opened = Embedder::open(folder, options);
}

static_assert(std::is_same_v<decltype(forkdex_open_embedder), EmbedderEntry>);

}  // namespace forkdex
