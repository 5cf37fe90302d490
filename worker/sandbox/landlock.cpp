#include "worker/sandbox/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "common/base/sandbox_support.h"
#include "common/base/unique_fd.h"

namespace forkdex {
namespace {

// The kernel's own numbers: the headers we build with may be older than the kernel we run on.
struct RulesetAttributes {
  std::uint64_t handled_files;
  std::uint64_t handled_network;  // since ABI 4
  std::uint64_t scoped;           // since ABI 6
};
constexpr std::uint64_t kReadFile = 1u << 2;
constexpr std::uint64_t kReadFolder = 1u << 3;
constexpr std::uint64_t kTcpBindAndConnect = 3;
constexpr std::uint64_t kAbstractSocketsAndSignals = 3;

/// Every access to files that the ABI knows: 13 rights at first, then REFER (2), TRUNCATE (3) and
/// IOCTL_DEV (5).
std::uint64_t every_file_access(int abi) {
  const unsigned rights = abi >= 5 ? 16 : abi >= 3 ? 15 : abi >= 2 ? 14 : 13;
  return (1ull << rights) - 1;
}

int allow_reading(int ruleset, const std::filesystem::path& folder) {
  const UniqueFd opened(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!opened.valid()) return errno;
  landlock_path_beneath_attr rule{};
  rule.allowed_access = kReadFile | kReadFolder;
  rule.parent_fd = opened.get();
  return ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0
             ? 0
             : errno;
}

}  // namespace

int restrict_files(const std::vector<std::filesystem::path>& readable) {
  const int abi = sandbox_support().landlock_abi;
  if (abi == 0) return ENOSYS;
  RulesetAttributes attributes{every_file_access(abi), 0, 0};
  std::size_t size = sizeof attributes.handled_files;
  if (abi >= 4) {
    attributes.handled_network = kTcpBindAndConnect;
    size += sizeof attributes.handled_network;
  }
  if (abi >= 6) {
    attributes.scoped = kAbstractSocketsAndSignals;
    size += sizeof attributes.scoped;
  }
  const UniqueFd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset.valid()) return errno;
  for (const auto& folder : readable)
    if (const int error = allow_reading(ruleset.get(), folder); error != 0) return error;
  return ::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) == 0 ? 0 : errno;
}

}  // namespace forkdex
