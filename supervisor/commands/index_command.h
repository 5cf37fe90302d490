#pragma once

#include "common/error/result.h"
#include "supervisor/settings/settings.h"

namespace forkdex {

/// `supervisor index`: one Run over the argument, with what a run leaves to its process: signals,
/// terminal, report file, exit status. Does not return where a signal ended the run: once the run
/// owns nothing any more, the process dies of that signal, so that a shell or systemd sees it; as
/// PID 1 it returns 128 + signal. ERRORS as Run::run, check_report_destination, write_report.
Result<int> run_index(const Invocation& invocation);

}  // namespace forkdex
