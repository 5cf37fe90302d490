#include "common/base/sandbox_support.h"

#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include <fmt/format.h>

namespace forkdex {
namespace {

constexpr std::uint32_t kAskVersion = 1;  // LANDLOCK_CREATE_RULESET_VERSION

}  // namespace

SandboxSupport sandbox_support() {
  SandboxSupport support;
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, kAskVersion);
  support.landlock_abi = abi > 0 ? static_cast<int>(abi) : 0;
  const std::uint32_t action = SECCOMP_RET_ERRNO;
  support.seccomp = ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
  return support;
}

std::string describe(const SandboxSupport& support) {
  const std::string landlock = support.landlock_abi > 0
                                   ? fmt::format("Landlock (ABI {})", support.landlock_abi)
                                   : "no Landlock";
  return landlock + (support.seccomp ? ", system call filter" : ", no system call filter");
}

}  // namespace forkdex
