// Runs inside one process, over real workers, models and databases.

#include "supervisor/run/run.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

#include "tests/support/scratch_repository.h"
#include "tests/unit/postgres_fixture.h"

namespace forkdex {
namespace {

using test::fresh_database;
using test::must_run;

class NoProgress final : public Progress {
 public:
  void phase(std::string_view, Clock::time_point) override {}
  void working_on(unsigned, std::string_view) override {}
  void finished(unsigned, const FinishedFile&, Clock::time_point) override {}
  void tick(Clock::time_point) override {}
  void end(Clock::time_point) override {}
};

/// One run and all that it says; its loop is its own.
class Watched {
 public:
  Watched(const std::filesystem::path& path, const std::string& database_url,
          const std::string& name) {
    settings_.database_url = database_url;
    settings_.repository = name;
    settings_.workers = 1;
    Run::Events events;
    events.fetches = [](const std::string&) {};
    events.opened = [this](const RunOpening& opening) {
      root = opening.root;
      on_opened();
      return Result<void>();
    };
    events.progress = [](const Accounting&) { return std::make_unique<NoProgress>(); };
    events.ended = [this](const RunFacts& run_facts, const Accounting& accounting) {
      facts = run_facts;
      files = accounting.total();
      return Result<void>();
    };
    events.report = [this](const TextPieces& pieces) {
      return pieces([this](std::string_view piece) {
        report += piece;
        return Result<void>();
      });
    };
    run_.emplace(environment_, settings_, path, std::move(events));
  }

  Result<Run::End> run() { return run_->run(); }
  /// From the run's own loop, where a signal handler would be called.
  void stop_soon() {
    boost::asio::post(context_, [this] { run_->stop("the test"); });
  }

  std::function<void()> on_opened = [] {};
  std::string root;
  RunFacts facts;
  std::uint64_t files = 0;
  std::string report;

 private:
  Settings settings_;
  boost::asio::io_context context_;
  test::ScratchFolder no_groups_;
  MemoryLimits memory_ = MemoryLimits::open(no_groups_.path());
  RunEnvironment environment_{context_, memory_};
  std::optional<Run> run_;
};

/// A repository of `files` files and as many commits.
std::unique_ptr<test::ScratchFolder> repository(const std::string& word, int files) {
  auto folder = std::make_unique<test::ScratchFolder>();
  folder->git({"init", "-q"});
  for (int i = 0; i < files; ++i) {
    const std::string name = word + std::to_string(i);
    folder->write(name + ".py", "def " + name + "():\n    return " + std::to_string(i) + "\n");
    folder->git({"add", "-A"});
    folder->git({"commit", "-q", "-m", "Add " + name});
  }
  return folder;
}

std::int64_t count(PgConnection& connection, const std::string& table, const std::string& name) {
  return must_run(connection, "SELECT count(*) FROM forkdex." + table +
                                  " JOIN forkdex.repositories r ON r.id = repository_id "
                                  "WHERE r.name = '" +
                                  name + "'")
      .integer(0, 0);
}

}  // namespace

TEST_CASE("run: files, texts and commit messages -> one worker that reads, then one that embeds",
          "[run]") {
  const auto folder = repository("alpha", 3);
  const std::string url = fresh_database("run_one_fleet");
  Watched run(folder->path(), url, "alpha");
  const auto end = run.run();
  REQUIRE((end ? "" : end.error().text()) == "");
  CHECK_FALSE(end->interrupted);
  CHECK(end->not_indexed == 0);
  CHECK(run.files == 3);
  CHECK(run.facts.status == RunStatus::kComplete);
  REQUIRE(run.facts.commits);
  CHECK(run.facts.commits->embedded == 3);
  REQUIRE(run.facts.texts.counts);
  CHECK(run.facts.texts.counts->total == 9);  // a source, a text view and a message of each
  CHECK(run.facts.texts.counts->missing == 0);
  CHECK(run.facts.texts.embedded == 6);
  CHECK(run.facts.workers.count == 1);
  CHECK(run.facts.workers.started == 2);
  CHECK(run.facts.workers.recycled == 1);
  CHECK(run.report.find("\"repository\": \"alpha\"") != std::string::npos);
}

TEST_CASE("run: two at a time in one process -> each repository whole", "[run]") {
  const auto left = repository("left", 4);
  const auto right = repository("right", 6);
  const std::string url = fresh_database("run_two");
  Watched first(left->path(), url, "left");
  Watched second(right->path(), url, "right");
  std::optional<Result<Run::End>> first_end;
  std::optional<Result<Run::End>> second_end;
  std::thread one([&] { first_end = first.run(); });
  std::thread other([&] { second_end = second.run(); });
  one.join();
  other.join();
  for (const auto* end : {&first_end, &second_end}) {
    REQUIRE(end->has_value());
    REQUIRE((**end ? "" : (*end)->error().text()) == "");
  }
  CHECK(first.root == left->path());
  CHECK(second.root == right->path());
  CHECK(first.files == 4);
  CHECK(second.files == 6);
  auto connection = test::connect(url);
  CHECK(count(connection, "files", "left") == 4);
  CHECK(count(connection, "files", "right") == 6);
  CHECK(count(connection, "commits", "left") == 4);
  CHECK(count(connection, "commits", "right") == 6);
}

TEST_CASE("run: the same repository twice at a time -> the second is refused, the first ends whole",
          "[run]") {
  const auto folder = repository("same", 2);
  const std::string url = fresh_database("run_claim");
  Watched first(folder->path(), url, "same");
  std::optional<Result<Run::End>> second_end;
  first.on_opened = [&] {
    std::thread other([&] { second_end = Watched(folder->path(), url, "same").run(); });
    other.join();
  };
  const auto end = first.run();
  REQUIRE((end ? "" : end.error().text()) == "");
  CHECK(first.facts.status == RunStatus::kComplete);
  REQUIRE(second_end.has_value());
  REQUIRE_FALSE(second_end->ok());
  CHECK(second_end->error().code == ErrorCode::kClaimHeld);
}

TEST_CASE("run: stopped from its loop -> interrupted, and the next one does the rest", "[run]") {
  const auto folder = repository("stopped", 3);
  const std::string url = fresh_database("run_stop");
  {
    Watched stopped(folder->path(), url, "stopped");
    stopped.on_opened = [&] { stopped.stop_soon(); };
    const auto end = stopped.run();
    REQUIRE((end ? "" : end.error().text()) == "");
    CHECK(end->interrupted);
    CHECK(stopped.facts.status == RunStatus::kInterrupted);
  }
  Watched next(folder->path(), url, "stopped");
  const auto whole = next.run();
  REQUIRE((whole ? "" : whole.error().text()) == "");
  CHECK_FALSE(whole->interrupted);
  CHECK(next.files == 3);
  CHECK(next.facts.status == RunStatus::kComplete);
}

}  // namespace forkdex
