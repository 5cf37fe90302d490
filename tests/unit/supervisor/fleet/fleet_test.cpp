// Dispatcher and worker pool with processes that misbehave
// (tests/unit/fake_worker/fake_worker.cpp): which file is blamed, how often it is tried, and that
// nothing else is lost.

#include <csignal>
#include <filesystem>
#include <map>
#include <thread>

#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

#include "supervisor/run/dispatcher.h"
#include "supervisor/run/file_job.h"
#include "tests/support/scratch_repository.h"

using namespace forkdex;
using namespace std::chrono_literals;

namespace {

JobQueue jobs_named(const std::vector<std::string>& names) {
  JobQueue queue;
  for (const std::string& name : names)
    REQUIRE(queue.add(file_job(queue.size(), IndexFile{name}, {})).ok());
  return queue;
}

/// A run over files that are only names.
class FakeRun {
 public:
  explicit FakeRun(const std::vector<std::string>& names, unsigned workers = 2,
                   WorkerPool::Deadlines deadlines = {}, const std::string& program = "",
                   MemoryLimits* memory = nullptr)
      : FakeRun(jobs_named(names), workers, deadlines, program, memory) {}

  explicit FakeRun(JobQueue queue, unsigned workers = 2, WorkerPool::Deadlines deadlines = {},
                   const std::string& program = "", MemoryLimits* memory = nullptr) {
    dispatcher_.emplace(std::move(queue), 16,
                        [this](unsigned, const Job& job, const Outcome& outcome) {
                          const FinishedFile file = finished_file(job, outcome);
                          CHECK(files.count(file.path) == 0);
                          files[file.path] = file.verdict;
                        });
    const std::filesystem::path worker = program.empty() ? FORKDEX_FAKE_WORKER : program;
    pool_ = std::make_unique<WorkerPool>(
        context_,
        WorkerPool::Options{.executable = worker, .deadlines = deadlines, .memory = memory},
        events());
    pool_->employ(workers);
  }

  /// To the end, or for two minutes.
  void run() {
    context_.run_for(2min);
    counts = pool_->counts();
  }

  WorkerPool& pool() { return *pool_; }
  unsigned in_state(FileState state) const {
    unsigned count = 0;
    for (const auto& [path, file] : files) count += file.state == state;
    return count;
  }

  std::map<std::string, Verdict> files;
  std::function<void()> on_outcome = [] {};
  std::optional<Error> error;
  WorkerPool::Counts counts;

 private:
  WorkerPool::Events events() {
    WorkerPool::Events events;
    events.has_room = [this](unsigned worker) { CHECK(dispatcher_->fill(*pool_, worker).ok()); };
    events.outcome = [this](unsigned worker, const Outcome& outcome) {
      dispatcher_->finish(worker, outcome);
      on_outcome();
      if (dispatcher_->done()) pool_->drain();
    };
    events.orphaned = [this](unsigned worker, const auto& held, const Blame& blame) {
      for (unsigned count = dispatcher_->take_back(worker, held, blame); count > 0; --count)
        pool_->job_quarantined();
      if (dispatcher_->done()) return pool_->drain();
      for (unsigned other = 0; other < pool_->places(); ++other)
        if (pool_->ready(other)) CHECK(dispatcher_->fill(*pool_, other).ok());
    };
    events.database_lost = [](const Error&) { return false; };
    events.failed = [this](const Error& failure) {
      error = failure;
      pool_->drain();
    };
    events.drained = [this] { context_.stop(); };
    return events;
  }

  boost::asio::io_context context_;
  std::optional<Dispatcher> dispatcher_;
  std::unique_ptr<WorkerPool> pool_;
};

/// `count` harmless files, with `others` spread among them.
std::vector<std::string> among(unsigned count, const std::vector<std::string>& others) {
  std::vector<std::string> names;
  for (unsigned i = 0; i < count; ++i) names.push_back("file" + std::to_string(i));
  for (std::size_t i = 0; i < others.size(); ++i)
    names.insert(names.begin() + static_cast<long>((i + 1) * names.size() / (others.size() + 1)),
                 others[i]);
  return names;
}

}  // namespace

TEST_CASE("fleet: memory that runs out around the workers costs a worker, and no file is blamed",
          "[fleet][kill]") {
  const test::ScratchFolder tree;
  tree.write("proc/vmstat", "oom_kill 7\n");
  MemoryLimits memory = MemoryLimits::open(tree.path());
  FakeRun run(among(60, {}), 2, {}, "", &memory);
  bool killed = false;
  run.on_outcome = [&] {
    WorkerProcess* worker = run.pool().ready(0);
    if (killed || !worker) return;
    killed = true;
    tree.write("proc/vmstat", "oom_kill 8\n");
    ::kill(worker->pid(), SIGKILL);
  };
  run.run();
  CHECK(killed);
  CHECK(run.in_state(FileState::kIndexed) == 60);
  for (const auto& [path, file] : run.files) CHECK(file.attempts == 1);
  CHECK(run.counts.out_of_memory == 1);
  CHECK(run.counts.crashed == 0);
  CHECK(run.counts.places == 1);
  CHECK(run.counts.started == 2);
}

TEST_CASE("fleet: one bad file costs one file", "[fleet][kill]") {
  const auto [name, reason] = GENERATE(table<std::string, std::string>({
      {"crash", "crashed"},
      {"exit", "crashed"},
      {"memory", "out_of_memory"},
      {"lie", "crashed"},
      {"embed", "crashed"},
  }));
  FakeRun run(among(100, {name}));
  run.run();
  INFO(name << (run.error ? run.error->text() : ""));
  CHECK_FALSE(run.error);
  CHECK(run.files.size() == 101);
  CHECK(run.in_state(FileState::kIndexed) == 100);
  REQUIRE(run.files.count(name) == 1);
  const Verdict& bad = run.files.at(name);
  CHECK(bad.state == FileState::kQuarantined);
  CHECK(bad.reason == reason);
  CHECK(bad.attempts == 3);
  for (const auto& [path, file] : run.files) {
    // In the parser a death accuses one file; in the model the whole batch, once or twice.
    if (path != name && name != "embed") CHECK(file.attempts == 1);
  }
  const std::uint64_t deaths = name == "memory" ? run.counts.out_of_memory : run.counts.crashed;
  CHECK(deaths == 3);
}

TEST_CASE("fleet: the reason names signal, stage and stderr tail", "[fleet][kill]") {
  FakeRun run(among(3, {"crash"}));
  run.run();
  CHECK(run.files.at("crash").detail ==
        "the worker was killed by signal 6 (Aborted); its stderr tail: fake worker: about to abort "
        "(in parse)");
}

TEST_CASE("fleet: a file that hangs is ended by its deadline", "[fleet][kill]") {
  FakeRun run(among(20, {"hang"}), 2, {.job = 1s});
  run.run();
  CHECK(run.in_state(FileState::kIndexed) == 20);
  CHECK(run.files.at("hang").state == FileState::kQuarantined);
  CHECK(run.files.at("hang").reason == "timed_out");
  CHECK(run.counts.timed_out == 3);
}

TEST_CASE("fleet: a file that crashes once is indexed at its second try", "[fleet][kill]") {
  FakeRun run(among(20, {"first"}));
  run.run();
  CHECK(run.in_state(FileState::kIndexed) == 21);
  CHECK(run.files.at("first").attempts == 2);
}

TEST_CASE("fleet: many bad files are told apart, with one worker and with several",
          "[fleet][kill]") {
  std::vector<std::string> bad;
  for (int i = 0; i < 8; ++i) bad.push_back("crash" + std::to_string(i));
  for (int i = 0; i < 4; ++i) bad.push_back("embed" + std::to_string(i));
  for (int i = 0; i < 4; ++i) bad.push_back("memory" + std::to_string(i));
  FakeRun run(among(60, bad), GENERATE(1U, 3U));
  run.run();
  CHECK_FALSE(run.error);
  CHECK(run.in_state(FileState::kIndexed) == 60);
  CHECK(run.in_state(FileState::kQuarantined) == 16);
}

TEST_CASE("fleet: only bad files end in quarantine, not in a lost run", "[fleet][kill]") {
  std::vector<std::string> bad;
  for (int i = 0; i < 12; ++i) bad.push_back("embed" + std::to_string(i));
  FakeRun run(bad);
  run.run();
  CHECK_FALSE(run.error);
  CHECK(run.in_state(FileState::kQuarantined) == 12);
}

TEST_CASE("fleet: a kill from elsewhere accuses no file", "[fleet][kill]") {
  FakeRun run(among(200, {}));
  unsigned kills = 0;
  run.on_outcome = [&] {
    for (unsigned worker = 0; worker < run.pool().places(); ++worker)
      if (WorkerProcess* process = run.pool().ready(worker);
          process && kills < 30 && run.files.size() % 3 == 0 && ++kills)
        ::kill(process->pid(), SIGKILL);
  };
  run.run();
  CHECK(kills == 30);
  CHECK_FALSE(run.error);
  CHECK(run.in_state(FileState::kIndexed) == 200);
  for (const auto& [path, file] : run.files) CHECK(file.attempts == 1);
}

TEST_CASE("fleet: a recycled worker leaves nothing undone", "[fleet]") {
  FakeRun run(among(200, {}));
  unsigned asked = 0;
  run.on_outcome = [&] {
    if (run.files.size() % 20 == 0 && ++asked) run.pool().recycle(run.files.size() % 2);
  };
  run.run();
  CHECK(asked > 0);
  CHECK(run.in_state(FileState::kIndexed) == 200);
  CHECK(run.counts.crashed == 0);
  CHECK(run.counts.recycled > 0);
}

TEST_CASE("fleet: bytes quarantined before stay so unless they changed", "[fleet]") {
  const Verdict then{FileState::kQuarantined, "crashed", "as it was told then", 3};
  JobQueue jobs;
  for (const char* name : {"file0", "file1"}) {
    const IndexFile file{name, "", sha256("file0"), true};
    REQUIRE(jobs.add(file_job(jobs.size(), file, {{}, 0, Quarantine{then}})).ok());
  }
  FakeRun run(std::move(jobs));
  run.run();
  CHECK(run.files.at("file0").state == FileState::kQuarantined);
  CHECK(run.files.at("file0").detail == "as it was told then");
  CHECK(run.files.at("file0").attempts == 3);
  CHECK(run.files.at("file1").state == FileState::kIndexed);
}

TEST_CASE("fleet: a program that cannot start ends the run at once, with its words", "[fleet]") {
  FakeRun run(among(5, {}), 2, {}, "/bin/false");
  run.run();
  REQUIRE(run.error);
  CHECK(run.error->code == ErrorCode::kBug);
  CHECK(run.error->context.find("exited with status 1") != std::string::npos);
  CHECK(run.counts.started <= 4);
}

TEST_CASE(
    "fleet: a worker that dies while the pool rests -> not counted, and replaced by the next call",
    "[fleet][kill]") {
  boost::asio::io_context context;
  unsigned ready = 0;
  unsigned orphaned = 0;
  WorkerPool::Events events;
  events.has_room = [&](unsigned) {
    ++ready;
    context.stop();
  };
  events.orphaned = [&](unsigned, const auto&, const Blame&) { ++orphaned; };
  events.failed = [](const Error& error) { FAIL(error.text()); };
  WorkerPool pool(context, WorkerPool::Options{.executable = FORKDEX_FAKE_WORKER},
                  std::move(events));
  pool.employ(1);
  context.run_for(30s);
  REQUIRE(ready == 1);
  pool.rest();
  // More often than any policy of restarts allows.
  const pid_t first = pool.ready(0)->pid();
  ::kill(first, SIGSEGV);
  context.restart();
  context.run_for(2s);
  CHECK(pool.ready(0) == nullptr);
  CHECK(pool.counts().started == 1);
  CHECK(pool.counts().crashed == 0);
  pool.employ(1);
  context.restart();
  context.run_for(30s);
  REQUIRE(ready == 2);
  CHECK(pool.ready(0)->pid() != first);
  CHECK(pool.counts().started == 2);
  CHECK(pool.counts().idle < 2s);
  CHECK(orphaned == 0);
}

TEST_CASE("fleet: a pool that goes as its timer has run out is not called any more", "[fleet]") {
  boost::asio::io_context context;
  WorkerPool::Events events;
  events.has_room = [](unsigned) {};
  auto pool = std::make_unique<WorkerPool>(
      context, WorkerPool::Options{.executable = FORKDEX_FAKE_WORKER}, std::move(events));
  pool->employ(1);
  // The loop ends with what the timer calls in its queue, as it may when the last worker ends.
  boost::asio::post(context, [&] {
    std::this_thread::sleep_for(700ms);
    boost::asio::post(context, [&] { context.stop(); });
  });
  context.run();
  pool.reset();
  context.restart();
  context.poll();
  CHECK(context.stopped());  // nothing is left to wait for
}
