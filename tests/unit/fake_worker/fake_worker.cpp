// A worker without model, repository or database, whose files are what they are called: it takes
// groups of jobs through the stages as the real one does, and misbehaves where a name says so.
//
//   crash…   abort() while it is parsed              hang…     stands still while it is parsed
//   exit…    exit(3) while it is parsed              memory…   says that memory ran out
//   embed…   SIGSEGV while its whole group is embedded
//   first…   crashes the first time only             lie…      an outcome that cannot be true
//   thread…  starts a thread and takes mutexes that know who holds them
//
// Anything else is indexed. Queries crash… and first… likewise; the vector of any other is the
// batch tokens and the precision that the worker was told. With --fork-server it is a fork server
// of such workers.

#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string_view>
#include <thread>
#include <vector>

#include "common/jobs/embed_query.h"
#include "common/jobs/index_file.h"
#include "common/protocol/fork_request.h"
#include "common/protocol/segment.h"
#include "common/protocol/worker_setup.h"
#include "worker/fork_server.h"

namespace forkdex {
namespace {

constexpr std::size_t kGroup = 4;

/// Ends with a status unless threads, and mutexes that know their holder, work as they should.
void use_threads() {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_t mutex;
  pthread_mutex_init(&mutex, &attributes);
  // The kernel compares the holder that the C library wrote down with the thread that asks.
  if (pthread_mutex_lock(&mutex) != 0) std::exit(4);
  if (pthread_mutex_lock(&mutex) != EDEADLK) std::exit(5);
  int seen = 0;
  std::thread other([&] { seen = pthread_mutex_trylock(&mutex); });
  other.join();
  if (seen != EBUSY || pthread_mutex_unlock(&mutex) != 0) std::exit(6);
  // A mutex whose holder has ended is handed on, by the list the kernel knows for the thread.
  std::thread([&] { pthread_mutex_lock(&mutex); }).join();
  if (pthread_mutex_lock(&mutex) != EOWNERDEAD) std::exit(7);
  clockid_t clock = 0;
  timespec time{};
  if (pthread_getcpuclockid(pthread_self(), &clock) != 0 || clock_gettime(clock, &time) != 0)
    std::exit(8);
}

IndexFile file_of(const JobReceiver::Taken& taken) {
  return decode<IndexFile>(taken.job.payload).value();
}

/// An end with a status where the name says so.
void parse(JobReceiver& receiver, const JobReceiver::Taken& taken) {
  const std::string name = file_of(taken).path;
  receiver.enter(taken.slot, Stage::kRead);
  receiver.set_content_hash(taken.slot, sha256(name));
  receiver.enter(taken.slot, Stage::kParse);
  if (name.starts_with("crash") || (name.starts_with("first") && taken.job.attempt == 1)) {
    std::fputs("fake worker: about to abort\n", stderr);
    std::abort();
  }
  if (name.starts_with("exit")) std::exit(3);
  if (name.starts_with("thread")) use_threads();
  if (name.starts_with("hang"))
    for (;;) ::pause();
  if (name.starts_with("memory")) {
    receiver.set_failure({ErrorCode::kOutOfMemory, "the worker ran out of memory", ""});
    std::exit(kExitTryAgain);
  }
  receiver.enter(taken.slot, Stage::kWaiting);
}

void embed(JobReceiver& receiver, const std::vector<JobReceiver::Taken>& group) {
  for (const auto& taken : group) receiver.enter(taken.slot, Stage::kEmbed);
  for (const auto& taken : group)
    if (file_of(taken).path.starts_with("embed")) {
      ::signal(SIGSEGV, SIG_DFL);  // a sanitizer turns it into an exit
      ::raise(SIGSEGV);
    }
  for (const auto& taken : group) receiver.enter(taken.slot, Stage::kWaiting);
}

void store(JobReceiver& receiver, const JobReceiver::Taken& taken) {
  receiver.enter(taken.slot, Stage::kStore);
  const IndexFile file = file_of(taken);
  const bool lies = file.path.starts_with("lie");
  IndexFileResult result;
  result.chunks = 1;
  if (file.is_unchanged(sha256(file.path), taken.job)) result.state = FileState::kUnchanged;
  if (lies) result.state = FileState::kRemoved;
  Outcome outcome;
  outcome.payload = encode(result);
  receiver.finish(taken.slot, outcome);
  // Found out, it is ended; at work on another file by then, it would have that one suspected.
  while (lies) ::pause();
}

Result<void> answer_query(JobReceiver& receiver, const JobReceiver::Taken& taken) {
  const std::string text = decode<EmbedQuery>(taken.job.payload).value().text;
  if (text.starts_with("crash") || (text.starts_with("first") && taken.job.attempt == 1))
    std::abort();
  const auto setup = read_worker_setup(kSetupFd);
  if (!setup) return setup.error();
  EmbedQueryResult result;
  result.vector = {static_cast<float>(setup->tuning.batch_tokens),
                   static_cast<float>(setup->tuning.precision)};
  Outcome outcome;
  outcome.payload = encode(result);
  receiver.finish(taken.slot, outcome);
  return {};
}

int main_of_fake_worker(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == kForkServerFlag) {
    const auto forked = serve_forks(argv[1]);
    if (!forked) std::fputs(forked.error().text().c_str(), stderr);
    if (!forked) return kExitBug;
    if (*forked == Forked::kDone) return kExitOk;
  }
  auto receiver =
      JobReceiver::attach(UniqueFd(kSegmentFd), UniqueFd(kJobsFd), UniqueFd(kOutcomesFd));
  if (!receiver) return kExitUsage;
  receiver->set_ready();
  while (!receiver->stop_requested()) {
    std::vector<JobReceiver::Taken> group;
    while (group.size() < kGroup) {
      auto taken = receiver->take();
      if (!taken || !*taken) break;
      if ((*taken)->job.kind == JobKind::kEmbedQuery) {
        if (!answer_query(*receiver, **taken)) return kExitBug;
        continue;
      }
      parse(*receiver, **taken);
      group.push_back(**std::move(taken));
    }
    if (group.empty()) {
      receiver->wait();
      continue;
    }
    embed(*receiver, group);
    for (const auto& taken : group) store(*receiver, taken);
  }
  return kExitOk;
}

}  // namespace
}  // namespace forkdex

int main(int argc, char** argv) { return forkdex::main_of_fake_worker(argc, argv); }
