#include "worker/read/blob_store.h"

#include <git2.h>

#include <fmt/format.h>

namespace forkdex {
namespace {

constexpr std::size_t kWindowBytes = std::size_t{1} << 20;
constexpr std::size_t kMappedBytes = std::size_t{16} << 20;

std::string last_message() {
  const git_error* error = git_error_last();
  return error && error->message ? error->message : "no reason given";
}

/// Never shut down: nothing of it outlives the process.
void start_libgit2() {
  static const bool started = [] {
    git_libgit2_init();
    // A blob is read once. What is mapped of packs counts as this worker's memory.
    git_libgit2_opts(GIT_OPT_ENABLE_CACHING, 0);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, kWindowBytes);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, kMappedBytes);
    return true;
  }();
  static_cast<void>(started);
}

Error unreadable(const std::string& oid) {
  const git_error* error = git_error_last();
  if (error && error->klass == GIT_ERROR_NOMEMORY)
    return {ErrorCode::kOutOfMemory, "the object store ran out of memory", oid};
  return {ErrorCode::kFileUnreadable, "the blob cannot be read from the object store",
          last_message()};
}

}  // namespace

void BlobStore::Free::operator()(git_odb* objects) const { git_odb_free(objects); }

Result<BlobStore> BlobStore::open(const std::string& folder) {
  start_libgit2();
  git_odb* objects = nullptr;
  if (git_odb_open(&objects, folder.c_str()) != 0)
    return Error{ErrorCode::kRepositoryUnusable,
                 fmt::format("the object store {} cannot be opened", folder), last_message()};
  return BlobStore(objects);
}

Result<SourceFile> BlobStore::read(const std::string& oid, std::uint64_t max_bytes) const {
  git_oid id;
  git_object_t type = GIT_OBJECT_INVALID;
  std::size_t size = 0;
  if (git_oid_fromstr(&id, oid.c_str()) != 0 ||
      git_odb_read_header(&size, &type, objects_.get(), &id) != 0)
    return unreadable(oid);
  if (type != GIT_OBJECT_BLOB)
    return Error{ErrorCode::kFileUnreadable, "the object is no blob", oid};
  if (size > max_bytes) return too_large(size, max_bytes);
  git_odb_object* object = nullptr;
  if (git_odb_read(&object, objects_.get(), &id) != 0) return unreadable(oid);
  SourceFile file;
  file.bytes.assign(static_cast<const char*>(git_odb_object_data(object)),
                    git_odb_object_size(object));
  git_odb_object_free(object);
  file.hash = sha256(file.bytes);
  file.blob_oid = oid;
  file.signature.size = file.bytes.size();
  return file;
}

}  // namespace forkdex
