// A worker incarnation: inherited descriptors -> the loop. Started by `supervisor` only; the
// descriptors it finds open stand in common/worker_setup.h.

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string_view>

#include "common/fault.h"
#include "worker/parse/syntax.h"
#include "worker/worker.h"

namespace forkdex {
namespace {

JobReceiver* the_receiver = nullptr;  // for where no argument can be passed

/// The parser found no memory. Its state is beyond repair, so nothing is unwound.
[[noreturn]] void end_without_memory() {
  the_receiver->set_failure({ErrorCode::kOutOfMemory, "the parser ran out of memory", ""});
  std::_Exit(traits(ErrorCode::kOutOfMemory).exit_status);
}

/// The one place that catches what nothing else did: an exception ends this incarnation, and the
/// supervisor learns why.
Result<void> work(JobReceiver& receiver) try {
  auto setup = read_worker_setup(kSetupFd);
  if (!setup) return setup.error();
  Worker worker(*std::move(setup), receiver);
  if (auto started = worker.start(); !started) return started;
  if (auto passed = fault::point("worker.ready"); !passed) return passed;
  receiver.set_ready();
  return worker.run();
} catch (const std::bad_alloc&) {
  return Error{ErrorCode::kOutOfMemory, "the worker ran out of memory", ""};
} catch (const std::exception& error) {
  return Error{ErrorCode::kModelRuntime, "the worker met an unexpected error", error.what()};
}

int main_of_worker(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--version") {
    std::puts("worker " FORKDEX_VERSION);
    return kExitOk;
  }
  auto receiver =
      JobReceiver::attach(UniqueFd(kSegmentFd), UniqueFd(kJobsFd), UniqueFd(kOutcomesFd));
  if (!receiver) {
    std::fputs("worker is started by supervisor: run supervisor --help\n", stderr);
    return kExitUsage;
  }
  the_receiver = &*receiver;
  set_parser_memory_handler(end_without_memory);
  if (auto worked = work(*receiver); !worked) {
    receiver->set_failure(worked.error());
    return traits(worked.error().code).exit_status;
  }
  return kExitOk;
}

}  // namespace
}  // namespace forkdex

int main(int argc, char** argv) { return forkdex::main_of_worker(argc, argv); }
