#include "common/protocol/child_limits.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string_view>

namespace forkdex {
namespace {

void write_all(int fd, std::string_view text) noexcept {
  [[maybe_unused]] const auto written = ::write(fd, text.data(), text.size());
}

}  // namespace

void apply_in_child(const ChildLimits& limits) noexcept {
  if (limits.cgroup_procs_fd >= 0) write_all(limits.cgroup_procs_fd, "0");
  if (limits.first_to_go) {
    // The score can only be raised without privilege, which is the direction we want.
    const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
      write_all(fd, "500");
      ::close(fd);
    }
  }
  if (limits.data_bytes != 0) {
    const rlimit limit{limits.data_bytes, limits.data_bytes};
    ::setrlimit(RLIMIT_DATA, &limit);
  }
}

}  // namespace forkdex
