#include "worker/embed/embedder_library.h"

#include <dlfcn.h>

#include <string>

#include "worker/embed/embedder_entry.h"

namespace forkdex {
namespace {

/// Null where it cannot be had; dlerror() says why.
EmbedderEntry* find_entry() {
  // By name: the worker's run path says where it may stand. Never closed: libtorch does not allow
  // for that.
  void* const library = ::dlopen(kEmbedderLibrary, RTLD_NOW | RTLD_LOCAL);
  return library ? reinterpret_cast<EmbedderEntry*>(::dlsym(library, kEmbedderEntry)) : nullptr;
}

}  // namespace

Result<std::unique_ptr<Embedder>> load_embedder(const ModelFolder& folder,
                                                const Embedder::Options& options) {
  EmbedderEntry* const entry = find_entry();
  if (!entry) {
    const char* const reason = ::dlerror();
    return Error{ErrorCode::kBug,
                 "the library that embeds texts cannot be loaded; forkdex may have to be installed "
                 "or built again",
                 reason ? reason : kEmbedderLibrary};
  }
  Result<std::unique_ptr<Embedder>> opened = std::unique_ptr<Embedder>();
  entry(folder, options, opened);
  return opened;
}

}  // namespace forkdex
