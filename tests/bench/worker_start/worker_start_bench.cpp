// What a worker's start costs, afresh and cloned by the fork server, in one run:
//
//   worker_start_bench MODEL FOLDER [ROUNDS]
//
// ready:   from the request to a worker that has model, repository and database; the two ways in
//          turn, ROUNDS times each (default 50).
// job:     from the SIGKILL of a busy worker to its replacement taking a job, in a fleet of two
//          that indexes FOLDER over and over; ROUNDS kills each way.
// memory:  the proportional set size of four ready workers, and of what cloned them.
//
// Indexes into the database of DATABASE_URL, or the embedded one of XDG_DATA_HOME, under the name
// worker-start-bench.

#include <signal.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>

#include "supervisor/database/access.h"
#include "supervisor/database/ledger.h"
#include "supervisor/fleet/fork_server.h"
#include "supervisor/fleet/worker_process.h"
#include "supervisor/installation/locations.h"
#include "supervisor/run/dispatcher.h"
#include "supervisor/run/file_job.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr std::size_t kMeasuredWorkers = 4;
constexpr unsigned kFleet = 2;

void check(const Result<void>& result) {
  if (result) return;
  std::cerr << "worker_start_bench: " << result.error().text() << "\n";
  std::exit(EXIT_FAILURE);
}

template <class Value>
Value must(Result<Value> result) {
  if (result) return *std::move(result);
  std::cerr << "worker_start_bench: " << result.error().text() << "\n";
  std::exit(EXIT_FAILURE);
}

std::string distribution(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
  };
  return fmt::format("min {:.1f}  p10 {:.1f}  median {:.1f}  p90 {:.1f}  max {:.1f} ms ({})", at(0),
                     at(.1), at(.5), at(.9), at(1), values.size());
}

std::uint64_t pss_mebibytes(pid_t pid) {
  std::ifstream rollup(fmt::format("/proc/{}/smaps_rollup", pid));
  for (std::string word; rollup >> word;) {
    std::uint64_t kibibytes = 0;
    if (word == "Pss:" && rollup >> kibibytes) return kibibytes / 1024;
  }
  return 0;
}

/// A fork server that is ready, and how long that took.
struct Served {
  Served(boost::asio::io_context& context, const WorkerSetup& setup)
      : server(context, worker_executable(), setup) {
    const auto start = Clock::now();
    bool settled = false;
    server.start([&settled] { settled = true; });
    context.restart();
    while (!settled) context.run_one();
    if (!server.ready()) {
      std::cerr << "worker_start_bench: there is no fork server\n";
      std::exit(EXIT_FAILURE);
    }
    took = Clock::now() - start;
  }
  ForkServer server;
  Milliseconds took{};
};

/// Starts a worker and waits until it is ready.
std::unique_ptr<WorkerProcess> ready_worker(boost::asio::io_context& context,
                                            const WorkerSetup& setup, ForkServer* server) {
  auto worker = must(WorkerProcess::spawn(
      context, worker_executable(), setup,
      {.woke = [] {}, .exited = [](const ExitCause&) { std::exit(EXIT_FAILURE); }}, {}, server));
  context.restart();
  while (worker->jobs().phase() != WorkerPhase::kReady) context.run_one();
  return worker;
}

void measure_memory(boost::asio::io_context& context, const WorkerSetup& setup,
                    ForkServer* server) {
  std::vector<std::unique_ptr<WorkerProcess>> workers;
  while (workers.size() < kMeasuredWorkers) workers.push_back(ready_worker(context, setup, server));
  std::uint64_t sum = 0;
  for (const auto& worker : workers) sum += worker->pss_bytes() >> 20;
  std::cout << fmt::format("memory  {:7}  {} workers {} MiB", server ? "cloned" : "afresh",
                           workers.size(), sum);
  if (server) std::cout << fmt::format(", the fork server {} MiB", pss_mebibytes(server->pid()));
  std::cout << std::endl;
}

void measure_ready(boost::asio::io_context& context, const WorkerSetup& setup, ForkServer* server,
                   std::size_t rounds) {
  std::array<std::vector<double>, 2> took;
  for (std::size_t round = 0; round < rounds; ++round)
    for (ForkServer* way : {static_cast<ForkServer*>(nullptr), server}) {
      const auto start = Clock::now();
      const auto worker = ready_worker(context, setup, way);
      took[way != nullptr].push_back(Milliseconds(Clock::now() - start).count());
    }
  std::cout << "ready   afresh   " << distribution(took[0]) << "\n"
            << "ready   cloned   " << distribution(took[1]) << std::endl;
}

/// A fleet that indexes, one of whose workers is killed again and again.
class KilledFleet {
 public:
  KilledFleet(boost::asio::io_context& context, const WorkerSetup& setup, ForkServer* server,
              JobQueue jobs)
      : context_(context),
        dispatcher_(std::move(jobs), 4, [](unsigned, const Job&, const Outcome&) {}),
        pool_(context, {.executable = worker_executable(), .setup = setup, .fork_server = server},
              events()) {}

  std::vector<double> kill(std::size_t kills) {
    pool_.employ(kFleet);
    context_.restart();
    while (took_.size() < kills && !dispatcher_.done()) {
      // A job is taken without a word to us: look often while a replacement is on its way.
      if (killed_ > 0)
        context_.run_one_for(std::chrono::microseconds(200));
      else
        context_.run_one();
      if (killed_ > 0) look();
    }
    return took_;
  }

 private:
  void look() {
    WorkerProcess* worker = pool_.ready(victim_);
    if (!worker || worker->pid() == killed_) return;
    for (const JobSender::Held& job : worker->jobs().held()) {
      if (job.state != SlotState::kTaken || job.since < killed_at_) continue;
      took_.push_back(Milliseconds(job.since - killed_at_).count());
      killed_ = 0;
      return;
    }
  }

  WorkerPool::Events events() {
    WorkerPool::Events events;
    events.has_room = [this](unsigned worker) { check(dispatcher_.fill(pool_, worker)); };
    events.outcome = [this](unsigned worker, const Outcome& outcome) {
      dispatcher_.finish(worker, outcome);
      WorkerProcess* process = pool_.ready(worker);
      const auto now = Clock::now();
      // An outcome may be the last word of a worker that is dead.
      if (killed_ > 0 || !process || ::kill(process->pid(), SIGKILL) != 0) return;
      victim_ = worker;
      killed_ = process->pid();
      killed_at_ = now;
    };
    events.orphaned = [this](unsigned worker, const auto& held, const Blame& blame) {
      dispatcher_.take_back(worker, held, blame);
    };
    events.database_lost = [](const Error&) { return false; };
    events.failed = [](const Error& error) {
      std::cerr << "worker_start_bench: " << error.text() << "\n";
      std::exit(EXIT_FAILURE);
    };
    events.drained = [] {};
    return events;
  }

  boost::asio::io_context& context_;
  Dispatcher dispatcher_;
  WorkerPool pool_;
  unsigned victim_ = 0;
  pid_t killed_ = 0;  // whose replacement is on its way
  Clock::time_point killed_at_;
  std::vector<double> took_;
};

/// The files of `folder`, `times` over, each to be read and stored anew.
JobQueue jobs_of(const fs::path& folder, std::size_t times) {
  JobQueue jobs;
  for (std::size_t time = 0; time < times; ++time)
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file()) continue;
      const IndexFile file{fs::relative(entry.path(), folder).string()};
      check(jobs.add(file_job(jobs.size(), file, {})));
    }
  return jobs;
}

int main_of_bench(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: worker_start_bench MODEL FOLDER [ROUNDS]\n";
    return kExitUsage;
  }
  const fs::path folder = fs::canonical(argv[2]);
  const std::size_t rounds = argc > 3 ? std::stoull(argv[3]) : 50;
  const char* url = std::getenv("DATABASE_URL");
  auto database = must(DatabaseAccess::open(url ? url : "", "worker_start_bench"));
  RepositoryIdentity identity;
  identity.name = "worker-start-bench";
  identity.root = folder.string();
  WorkerSetup setup;
  setup.models.code = must(ModelFolder::read(argv[1], {}));
  const Ledger ledger = must(Ledger::open(database.connection(), identity, setup.models));
  setup.tuning.parses = true;
  IndexingSetup& indexing = setup.indexing.emplace();
  indexing.database_url = database.worker_conninfo();
  indexing.root = identity.root;
  indexing.repository_id = ledger.repository_id();
  indexing.model_ids = ledger.model_ids();
  indexing.recipe = "worker-start-bench";
  indexing.max_file_bytes = 1 << 20;

  // The other worker goes on meanwhile, so that many files are needed for one kill.
  const std::size_t times = 4 * rounds;
  boost::asio::io_context context;
  measure_memory(context, setup, nullptr);
  const auto afresh = KilledFleet(context, setup, nullptr, jobs_of(folder, times)).kill(rounds);
  Served served(context, setup);
  std::cout << fmt::format("start   the fork server's own: {:.0f} ms\n", served.took.count());
  measure_memory(context, setup, &served.server);
  measure_ready(context, setup, &served.server, rounds);
  const auto cloned =
      KilledFleet(context, setup, &served.server, jobs_of(folder, times)).kill(rounds);
  std::cout << "job     afresh   " << distribution(afresh) << "\n"
            << "job     cloned   " << distribution(cloned) << std::endl;
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace forkdex

int main(int argc, char** argv) { return forkdex::main_of_bench(argc, argv); }
