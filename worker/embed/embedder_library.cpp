#include "worker/embed/embedder_library.h"

#include <dlfcn.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "worker/embed/embedder_entry.h"

namespace forkdex {
namespace {

/// Where the library is: beside the program, else where it is installed.
std::filesystem::path library_file() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  auto beside = program / kEmbedderLibrary;
  if (std::filesystem::exists(beside, error)) return beside;
  return (program / FORKDEX_EMBEDDER_FOLDER / kEmbedderLibrary).lexically_normal();
}

/// Null where it cannot be had; dlerror() says why. It is loaded by its path: a sanitizer's
/// dlopen does not search the worker's run path, and LD_LIBRARY_PATH may name another build's
/// library.
EmbedderEntry* find_entry() {
  // Never closed: libtorch does not allow for that.
  void* const library = ::dlopen(library_file().c_str(), RTLD_NOW | RTLD_LOCAL);
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
