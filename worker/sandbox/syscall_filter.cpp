#include "worker/sandbox/syscall_filter.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace forkdex {
namespace {

struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};

constexpr const char* kDenied[] = {
    // Other programs and processes.
    "execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev",
    "process_madvise", "process_mrelease", "pidfd_getfd", "pidfd_send_signal", "kcmp", "tkill",
    "rt_sigqueueinfo", "rt_tgsigqueueinfo", "setns", "unshare",
    // Connections; the one to the database is open.
    "socket", "socketpair", "socketcall", "connect", "bind", "listen", "accept", "accept4",
    // Files: names, owners, modes, times. Opening for writing is judged by its flags, below.
    "creat", "truncate", "truncate64", "link", "linkat", "symlink", "symlinkat", "unlink",
    "unlinkat", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "rmdir", "mknod", "mknodat",
    "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "utime",
    "utimes", "utimensat", "futimesat", "setxattr", "lsetxattr", "fsetxattr", "setxattrat",
    "removexattr", "lremovexattr", "fremovexattr", "removexattrat", "open_by_handle_at",
    // Memory, queues and semaphores that outsiders may use as well.
    "shmget", "shmat", "shmctl", "msgget", "msgsnd", "msgrcv", "msgctl", "semget", "semop",
    "semtimedop", "semctl", "ipc", "mq_open", "mq_unlink",
    // Mounts and roots.
    "mount", "umount", "umount2", "pivot_root", "chroot", "fsopen", "fsconfig", "fsmount", "fspick",
    "open_tree", "open_tree_attr", "move_mount", "mount_setattr", "swapon", "swapoff", "quotactl",
    "quotactl_fd",
    // Identities.
    "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid",
    "setfsgid", "capset", "personality",
    // What the kernel offers to administrators, and to exploits.
    "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter",
    "io_uring_register", "add_key", "keyctl", "request_key", "kexec_load", "kexec_file_load",
    "init_module", "finit_module", "delete_module", "acct", "reboot", "syslog", "sethostname",
    "setdomainname", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "iopl", "ioperm",
    "modify_ldt", "lookup_dcookie", "fanotify_init", "landlock_create_ruleset"};

/// Adds rules until one fails; calls that this architecture does not have are passed over.
class Filter {
 public:
  Filter() : filter_(seccomp_init(SCMP_ACT_ALLOW)) {}

  void deny(const char* call) { add(SCMP_ACT_ERRNO(EPERM), call); }
  void deny_as_missing(const char* call) { add(SCMP_ACT_ERRNO(ENOSYS), call); }
  void deny_if(const char* call, scmp_arg_cmp condition) {
    add(SCMP_ACT_ERRNO(EPERM), call, &condition);
  }

  int load() {
    if (!filter_) return ENOMEM;
    if (error_ == 0) error_ = -seccomp_load(filter_.get());
    return error_;
  }

 private:
  void add(std::uint32_t action, const char* call, const scmp_arg_cmp* condition = nullptr) {
    const int number = seccomp_syscall_resolve_name(call);
    if (!filter_ || error_ != 0 || number == __NR_SCMP_ERROR) return;
    error_ = -seccomp_rule_add_array(filter_.get(), action, number, condition ? 1 : 0, condition);
    // Of another architecture: it cannot be called here, so it need not be denied.
    if (error_ == EDOM) error_ = 0;
  }

  std::unique_ptr<void, Release> filter_;
  int error_ = 0;
};

/// Reading alone is allowed: no other access mode, nothing made, nothing cut.
void deny_writing(Filter& filter, const char* call, unsigned flags_at) {
  for (const int flags : {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC}) {
    const auto bits = static_cast<scmp_datum_t>(flags);
    filter.deny_if(call, SCMP_CMP64(flags_at, SCMP_CMP_MASKED_EQ, bits, bits));
  }
}

}  // namespace

int filter_system_calls() {
  Filter filter;
  for (const char* call : kDenied) filter.deny(call);
  deny_writing(filter, "open", 1);
  deny_writing(filter, "openat", 2);
  filter.deny_as_missing("openat2");
  // A thread is a clone with CLONE_THREAD; anything else would be a process.
  filter.deny_if("clone", SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
  filter.deny_as_missing("clone3");
  // abort() signals itself.
  const auto self = static_cast<scmp_datum_t>(::getpid());
  filter.deny_if("kill", SCMP_CMP64(0, SCMP_CMP_NE, self));
  filter.deny_if("tgkill", SCMP_CMP64(0, SCMP_CMP_NE, self));
  filter.deny_if("prlimit64", SCMP_CMP64(0, SCMP_CMP_NE, 0));
  // Of the command the kernel looks at 32 bits.
  filter.deny_if("ioctl", SCMP_CMP64(1, SCMP_CMP_MASKED_EQ, 0xffffffff, TIOCSTI));
  // Its death with the supervisor is no longer its own to undo.
  filter.deny_if("prctl", SCMP_CMP64(0, SCMP_CMP_EQ, PR_SET_PDEATHSIG));
  return filter.load();
}

}  // namespace forkdex
