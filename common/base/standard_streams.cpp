#include "common/base/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "common/error/error.h"

namespace forkdex {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

/// Opens what can be neither read from `fd` nor written to it as a stream of its kind. A descriptor
/// that closes on exec would be missing again in a program that inherits it.
bool fill(int fd) {
  // The lowest number that is free is `fd`: those below it are open by now.
  int opened = ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  // A chroot may have no /dev.
  if (opened < 0) opened = ::open("/", O_PATH | O_DIRECTORY);
  return opened == fd;
}

}  // namespace

void open_missing_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (!is_open(fd) && !fill(fd)) std::_Exit(kExitBug);
}

}  // namespace forkdex
