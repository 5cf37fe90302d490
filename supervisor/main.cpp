// supervisor: flags -> settings -> subcommand -> exit status.

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/standard_streams.h"
#include "common/base/terminal_text.h"
#include "common/pg/libpq_variables.h"
#include "supervisor/commands/table.h"
#include "supervisor/installation/program_name.h"
#include "supervisor/repository/git/remote_url.h"
#include "supervisor/settings/settings.h"
#include "supervisor/terminal/log.h"
#include "supervisor/terminal/output.h"
#include "supervisor/version.h"

namespace forkdex {
namespace {

/// `text` for a terminal; the line breaks that some causes have stay.
std::string printable_lines(std::string_view text) {
  std::string lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines += printable(text.substr(0, end)) + '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

int fail(const Error& error) {
  const std::string lines = printable_lines(std::string(program_name()) + ": " + error.text());
  std::fwrite(lines.data(), 1, lines.size(), stderr);
  // A code that ends a file has no status of its own; where it ends us, it is a bug.
  const int status = traits(error.code).exit_status;
  return status != kExitOk ? status : int{kExitBug};
}

int run(const Invocation& invocation) {
  LogOptions log;
  log.format = invocation.settings.log_format;
  if (invocation.settings.verbosity == Verbosity::kQuiet) log.threshold = LogLevel::kWarning;
  configure_log(log);
  const auto status = command_of(invocation.subcommand)(invocation);
  return status ? *status : fail(status.error());
}

/// Takes what is secret in URLs out of the arguments that others can see of this process.
void hide_secrets(char* argument) {
  const std::size_t size = std::strlen(argument);
  const std::string shown = remote_without_secrets(argument);
  if (!is_remote_url(argument) || shown.size() >= size) return;
  std::memset(argument, 0, size);
  shown.copy(argument, size);
}

int main_of_supervisor(int argc, char** argv) try {
  open_missing_streams();
  // A reader of our output that goes away is an error of the write, not a death in the middle.
  ::signal(SIGPIPE, SIG_IGN);
  // Whoever started us may have it ignored; our children would then be reaped behind our back.
  ::signal(SIGCHLD, SIG_DFL);
  // A worker takes half a dozen descriptors of ours.
  if (rlimit files{}; ::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  const std::vector<std::string> words(argv + 1, argv + argc);
  std::for_each(argv + 1, argv + argc, hide_secrets);
  const auto invocation = parse_invocation(words, current_environment());
  if (!invocation) return fail(invocation.error());
  // Before anything is started or changed.
  if (prints_answer(*invocation))
    if (const auto open = check_output(STDOUT_FILENO); !open) return fail(open.error());
  if (invocation->settings.database_url.empty()) unset_libpq_variables();
  if (invocation->request == Invocation::Request::kRun) return run(*invocation);
  const std::string text =
      invocation->request == Invocation::Request::kHelp ? help_text(*invocation) : version_text();
  const auto written = write_output(text);
  return written ? int{kExitOk} : fail(written.error());
} catch (const std::exception& error) {
  return fail(
      {ErrorCode::kBug, "an unexpected error, which is a bug: please report it", error.what()});
}

}  // namespace
}  // namespace forkdex

int main(int argc, char** argv) { return forkdex::main_of_supervisor(argc, argv); }
