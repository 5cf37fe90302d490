// The fork server (tests/unit/fake_worker in its place) and the workers it clones: whose children
// they are, what they find, how their end is told, and that its own death costs nobody.

#include "supervisor/fleet/fork_server.h"

#include <signal.h>

#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include <catch2/catch.hpp>

#include "common/jobs/index_file.h"
#include "supervisor/fleet/worker_process.h"
#include "tests/support/processes.h"
#include "tests/support/scratch_repository.h"
#include "tests/support/skip.h"

using namespace forkdex;
using namespace std::chrono_literals;
using forkdex::test::proc_file;
namespace fs = std::filesystem;

namespace {

/// A fork server whose first start is over, and the loop it lives in.
struct Served {
  explicit Served(const fs::path& program = FORKDEX_FAKE_WORKER,
                  ForkServer::Deadlines deadlines = {.start = 20s, .answer = 2s})
      : server(context, program, WorkerSetup{}, deadlines) {
    bool settled = false;
    server.start([&settled] { settled = true; });
    REQUIRE(until([&settled] { return settled; }));
  }

  /// Runs the loop until `holds`; false after half a minute.
  bool until(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (!holds() && std::chrono::steady_clock::now() < end) {
      context.restart();
      context.run_one_for(20ms);
    }
    return holds();
  }

  boost::asio::io_context context;
  ForkServer server;
};

/// A worker that is ready, and what becomes of it.
struct Watched {
  explicit Watched(Served& served, const ChildLimits& limits = {}) : served_(served) {
    auto spawned = WorkerProcess::spawn(
        served.context, FORKDEX_FAKE_WORKER, WorkerSetup{},
        {.woke = [] {}, .exited = [this](const ExitCause& cause) { end = cause; }}, limits,
        &served.server);
    REQUIRE(spawned.ok());
    process = *std::move(spawned);
    REQUIRE(served.until([this] { return process->jobs().phase() == WorkerPhase::kReady || end; }));
  }

  /// Gives it the file `name`; whether it comes back indexed before the worker ends.
  bool index(const std::string& name) {
    Job job;
    job.id = 1;
    job.payload = encode(IndexFile{name});
    REQUIRE(process->jobs().offer(job));
    std::optional<Outcome> outcome;
    served_.until([&] {
      auto collected = process->jobs().collect();
      if (collected && *collected) outcome = **std::move(collected);
      return outcome || end;
    });
    return outcome && outcome->end == JobEnd::kDone;
  }

  /// Of /proc/PID/stat: the parent is field 4 and the session field 6.
  std::string stat_field(int number) const {
    std::istringstream fields(proc_file(process->pid(), "stat"));
    std::string field;
    for (int i = 0; i < number; ++i) fields >> field;
    return field;
  }

  /// Whether the fork server cloned it; one started afresh is another program to the kernel.
  bool cloned() const {
    return proc_file(process->pid(), "cmdline").find('\0', 0) + 1 <
           proc_file(process->pid(), "cmdline").size();
  }

  std::unique_ptr<WorkerProcess> process;
  std::optional<ExitCause> end;

 private:
  Served& served_;
};

/// A sanitizer may have threads of its own; then nothing is cloned, and nothing is to be tested.
bool cannot_fork(const Served& served) {
#if defined(__SANITIZE_THREAD__)
  if (served.server.ready()) return false;
  test::skip("the thread sanitizer's own thread keeps the fork server from cloning");
  return true;
#else
  REQUIRE(served.server.ready());
  return false;
#endif
}

}  // namespace

TEST_CASE("fork server: a clone is the supervisor's own child, in a session of its own",
          "[fleet]") {
  Served served;
  if (cannot_fork(served)) return;
  const Watched worker(served);
  const std::string pid = std::to_string(worker.process->pid());
  CHECK(worker.cloned());
  CHECK(worker.stat_field(4) == std::to_string(::getpid()));
  CHECK(worker.stat_field(6) == pid);
  CHECK(proc_file(worker.process->pid(), "comm") == "worker\n");
  CHECK(proc_file(worker.process->pid(), "cmdline").find("--fork-server") == std::string::npos);
  CHECK(proc_file(served.server.pid(), "comm") == "fork-server\n");
}

TEST_CASE("fork server: a clone finds its descriptors and no others", "[fleet]") {
  Served served;
  if (cannot_fork(served)) return;
  const Watched first(served);
  const Watched second(served);  // what the first was given must not linger
  std::map<int, std::string> found;
  for (const auto& entry :
       fs::directory_iterator("/proc/" + std::to_string(second.process->pid()) + "/fd"))
    found[std::stoi(entry.path().filename().string())] = fs::read_symlink(entry.path()).string();
  std::set<int> numbers;
  for (const auto& [number, file] : found) numbers.insert(number);
  CHECK(numbers == std::set<int>{0, 1, 2, 3, 4, 5, 6});
  CHECK(found[0] == "/dev/null");
  CHECK(found[1] == "/dev/null");
  CHECK(found[2].starts_with("pipe:"));
  CHECK(found[kSegmentFd].find("forkdex-jobs") != std::string::npos);
  CHECK(found[kJobsFd].find("eventfd") != std::string::npos);
  CHECK(found[kOutcomesFd].find("eventfd") != std::string::npos);
  CHECK(found[kSetupFd].find("forkdex-setup") != std::string::npos);
}

TEST_CASE("fork server: a clone stands under its limits, the fork server does not", "[fleet]") {
  Served served;
  if (cannot_fork(served)) return;
  const Watched worker(served, {.data_bytes = 1ULL << 50, .first_to_go = true});
  const std::string limit = std::to_string(1ULL << 50);
  CHECK(proc_file(worker.process->pid(), "limits").find(limit) != std::string::npos);
  CHECK(proc_file(worker.process->pid(), "oom_score_adj") == "500\n");
  CHECK(proc_file(served.server.pid(), "limits").find(limit) == std::string::npos);
}

TEST_CASE("fork server: the end of a clone is told as that of any worker", "[fleet][kill]") {
  Served served;
  if (cannot_fork(served)) return;
  const auto [file, told] = GENERATE(table<std::string, std::string>({
      {"crash", "was killed by signal 6 (Aborted)"},
      {"embed", "was killed by signal 11 (Segmentation fault)"},
      {"exit", "exited with status 3"},
  }));
  Watched worker(served);
  CHECK_FALSE(worker.index(file));
  REQUIRE(worker.end);
  CHECK(describe(*worker.end).find(told) == 0);
  if (file == "crash") CHECK(worker.process->stderr_tail() == "fake worker: about to abort\n");
  Watched another(served);
  CHECK(another.cloned());
  CHECK(another.index("file"));
}

TEST_CASE("fork server: threads and their mutexes work in a clone", "[fleet]") {
  Served served;
  if (cannot_fork(served)) return;
  Watched worker(served);
  CHECK(worker.index("thread"));
  INFO((worker.end ? describe(*worker.end) : "it lives"));
  CHECK_FALSE(worker.end);
}

TEST_CASE("fork server: its death costs no worker, and it is started again", "[fleet][kill]") {
  Served served;
  if (cannot_fork(served)) return;
  Watched before(served);
  const pid_t killed = served.server.pid();
  REQUIRE(::kill(killed, SIGKILL) == 0);
  Watched meanwhile(served);  // asked for before the loop has heard of the death
  CHECK(meanwhile.index("file"));
  CHECK(before.index("file"));
  CHECK_FALSE(before.end);
  REQUIRE(served.until([&] { return served.server.ready() && served.server.pid() != killed; }));
  Watched after(served);
  CHECK(after.cloned());
  CHECK(after.index("file"));
}

TEST_CASE("fork server: one that hangs is ended, and whoever asked gets a worker all the same",
          "[fleet][kill]") {
  Served served(FORKDEX_FAKE_WORKER, {.start = 20s, .answer = 200ms});
  if (cannot_fork(served)) return;
  const pid_t stopped = served.server.pid();
  REQUIRE(::kill(stopped, SIGSTOP) == 0);
  Watched worker(served);
  CHECK_FALSE(worker.cloned());
  CHECK(worker.index("file"));
  CHECK(served.until([&] { return served.server.ready() && served.server.pid() != stopped; }));
}

TEST_CASE("fork server: where there is none, workers are started afresh", "[fleet]") {
  const std::string program = GENERATE("/bin/false", "/nowhere/worker");
  Served served(program);
  CHECK_FALSE(served.server.ready());
  CHECK(served.server.pid() == -1);
  Watched worker(served);
  CHECK_FALSE(worker.cloned());
  CHECK(worker.index("file"));
}

TEST_CASE("fork server: one that never becomes ready is ended, and not tried for ever",
          "[fleet][kill]") {
  const test::ScratchFolder folder;
  folder.write("worker", "#!/bin/sh\nexec sleep 1000\n");
  fs::permissions(folder / "worker", fs::perms::owner_all);
  boost::asio::io_context context;
  ForkServer server(context, folder / "worker", WorkerSetup{}, {.start = 50ms, .answer = 2s});
  bool settled = false;
  server.start([&settled] { settled = true; });
  context.run_for(20s);  // until nothing is left to wait for
  CHECK(settled);
  CHECK(server.pid() == -1);
}
