// A worker incarnation: inherited descriptors -> the loop. Started by `supervisor` only, or cloned
// by its fork server, which is this program with --fork-server; the descriptors it finds open stand
// in common/protocol/worker_setup.h.

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string_view>
#include <utility>

#include "common/base/standard_streams.h"
#include "common/error/fault.h"
#include "common/protocol/fork_request.h"
#include "worker/fork_server.h"
#include "worker/parse/syntax.h"
#include "worker/worker.h"

namespace forkdex {
namespace {

JobReceiver* the_receiver = nullptr;  // for where no argument can be passed

/// The parser found no memory. Its state is beyond repair, so nothing is unwound.
[[noreturn]] void end_without_memory() {
  if (the_receiver)
    the_receiver->set_failure({ErrorCode::kOutOfMemory, "the parser ran out of memory", ""});
  std::_Exit(traits(ErrorCode::kOutOfMemory).exit_status);
}

/// Prepares what incarnations have in common, and clones them until there is no supervisor. Comes
/// back in every clone, with `prepared` for it.
Result<Forked> fork_workers(char* flag, Worker::Prepared& prepared) {
  auto setup = read_worker_setup(kSetupFd);
  if (!setup) return setup.error();
  auto made = Worker::prepare(*setup, true);
  if (!made) return made.error();
  prepared = *std::move(made);
  return serve_forks(flag);
}

/// The one place that catches what nothing else did: an exception ends this incarnation, and the
/// supervisor learns why.
Result<void> work(JobReceiver& receiver, Worker::Prepared prepared) try {
  auto setup = read_worker_setup(kSetupFd);
  if (!setup) return setup.error();
  Worker worker(*std::move(setup), receiver, std::move(prepared));
  if (auto started = worker.start(); !started) return started;
  if (auto passed = fault::point("worker.ready"); !passed) return passed;
  receiver.set_ready();
  return worker.run();
} catch (const std::bad_alloc&) {
  return Error{ErrorCode::kOutOfMemory, "the worker ran out of memory", ""};
} catch (const std::exception& error) {
  return Error{ErrorCode::kModelRuntime, "the worker met an unexpected error", error.what()};
}

int print_version() {
  if (std::puts("worker " FORKDEX_VERSION) >= 0 && std::fflush(stdout) == 0) return kExitOk;
  std::perror("worker: the version cannot be written");
  return kExitUsage;
}

int main_of_worker(int argc, char** argv) {
  open_missing_streams();
  if (argc == 2 && std::string_view(argv[1]) == "--version") return print_version();
  set_parser_memory_handler(end_without_memory);
  Worker::Prepared prepared;
  if (argc == 2 && std::string_view(argv[1]) == kForkServerFlag) {
    auto forked = fork_workers(argv[1], prepared);
    if (!forked) std::fprintf(stderr, "fork server: %s\n", forked.error().text().c_str());
    if (!forked) return traits(forked.error().code).exit_status;
    if (*forked == Forked::kDone) return kExitOk;
  }
  auto receiver =
      JobReceiver::attach(UniqueFd(kSegmentFd), UniqueFd(kJobsFd), UniqueFd(kOutcomesFd));
  if (!receiver) {
    std::fputs("worker is started by supervisor: run supervisor --help\n", stderr);
    return kExitUsage;
  }
  the_receiver = &*receiver;
  if (auto worked = work(*receiver, std::move(prepared)); !worked) {
    receiver->set_failure(worked.error());
    return traits(worked.error().code).exit_status;
  }
  return kExitOk;
}

}  // namespace
}  // namespace forkdex

int main(int argc, char** argv) {
  const int status = forkdex::main_of_worker(argc, argv);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)  // say at the end what they saw
  return status;
#else
  // Everything of ours is closed; libtorch would take a tenth of a second to forget its operators.
  std::fflush(nullptr);
  std::_Exit(status);
#endif
}
