#include "worker/sandbox/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace forkdex {

int drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, sets) != 0) return errno;
  // Only who may change the bounding set has one that matters: without capabilities, and with no
  // new privileges, nothing in it can be had.
  if ((sets[0].effective & (1u << CAP_SETPCAP)) != 0)
    for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
      if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return errno;
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  constexpr std::uint32_t kKept = 1u << CAP_DAC_READ_SEARCH;
  sets[0].effective &= kKept;
  sets[0].permitted &= kKept;
  sets[1] = {};
  sets[0].inheritable = 0;
  return ::syscall(SYS_capset, &header, sets) == 0 ? 0 : errno;
}

}  // namespace forkdex
