#include "worker/sandbox/sandbox.h"

#include <sys/prctl.h>

#include <cerrno>
#include <iterator>
#include <system_error>

#include "worker/sandbox/capabilities.h"
#include "worker/sandbox/landlock.h"
#include "worker/sandbox/syscall_filter.h"

namespace forkdex {
namespace {

std::string refused(const char* part, int errno_value) {
  return std::string(part) + " (" + std::generic_category().message(errno_value) + ")";
}

std::size_t threads() {
  std::error_code error;
  const std::filesystem::directory_iterator tasks("/proc/self/task", error);
  return error ? 1 : static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

}  // namespace

std::vector<std::string> enter_sandbox(const std::vector<std::filesystem::path>& readable) {
  std::vector<std::string> gaps;
  const auto note = [&gaps](const char* part, int error) {
    if (error != 0) gaps.push_back(refused(part, error));
  };
  if (threads() > 1) gaps.emplace_back("a process of one thread (this one has several)");
  // In this order: each step takes what the one before still needed.
  note("no new privileges", ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno);
  note("Landlock", restrict_files(readable));
  note("dropped capabilities", drop_capabilities());
  note("system call filter", filter_system_calls());
  return gaps;
}

}  // namespace forkdex
