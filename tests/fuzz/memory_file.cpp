#include "tests/fuzz/memory_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace forkdex::fuzz {
namespace {

void check(bool done, const char* what) {
  if (!done) throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

MemoryFile::MemoryFile(std::string_view bytes) : fd_(::memfd_create("fuzz-input", MFD_CLOEXEC)) {
  check(fd_.valid(), "memfd_create");
  const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
  check(written == static_cast<ssize_t>(bytes.size()), "write");
}

std::string contents_of(int fd) {
  const off_t size = ::lseek(fd, 0, SEEK_END);
  check(size >= 0, "lseek");
  std::string bytes(static_cast<std::size_t>(size), '\0');
  check(::pread(fd, bytes.data(), bytes.size(), 0) == size, "pread");
  return bytes;
}

}  // namespace forkdex::fuzz
