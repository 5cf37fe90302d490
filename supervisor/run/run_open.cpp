// The beginning of a run: everything that is looked at, opened and claimed before a file is.

#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "common/error/fault.h"
#include "supervisor/fleet/sizing.h"
#include "supervisor/run/recipe.h"
#include "supervisor/run/run.h"
#include "supervisor/settings/chosen_models.h"
#include "supervisor/terminal/log.h"

namespace forkdex {
namespace {

// A busy server's disk may keep it from answering for seconds.
constexpr std::chrono::seconds kLeastSilence{10};

}  // namespace

RepositorySource::Events Run::source_events() {
  RepositorySource::Events events;
  events.fetches = [this](const std::string& url) { events_.fetches(url); };
  events.waits = [](const std::string& what) { log_warning("run.waits", {{"reason", what}}); };
  events.keep_going = [this] { return !stopped(); };
  return events;
}

/// Claims the repository; after a wait it is looked at again, or what another run has indexed
/// meanwhile would be undone.
Result<void> Run::claim() {
  const RepositorySource::Events events = source_events();
  Waiting waiting;
  if (settings_.wait) waiting.keep_waiting = events.keep_going;
  waiting.begins = events.waits;
  waiting.look_again = [this]() -> Result<RepositoryIdentity> {
    auto repository = source_.open();
    if (!repository) return repository.error();
    repository_ = *std::move(repository);
    return source_.identity(repository_, database_->connection());
  };
  auto identity = source_.identity(repository_, database_->connection());
  if (!identity) return identity.error();
  auto ledger = Ledger::open(database_->connection(), *std::move(identity), models_,
                             {scope_.shard(), scope_.is_list()}, waiting);
  if (!ledger) return ledger.error();
  ledger_.emplace(*std::move(ledger));
  return {};
}

Result<void> Run::open() {
  auto opened = open_all();
  // What the same command may do better later keeps its clone.
  if (!opened && !ledger_ && traits(opened.error().code).exit_status != kExitTryAgain &&
      stops_ == 0)
    source_.discard_new();
  return opened;
}

/// Everything that can be wrong before a file is looked at, cheapest first.
Result<void> Run::open_all() {
  auto scope = RunScope::open(settings_);
  if (!scope) return scope.error();
  scope_ = *std::move(scope);
  auto repository = source_.open();
  if (!repository) return repository.error();
  repository_ = *std::move(repository);
  if (auto settled = scope_.settle_in(repository_.root.string()); !settled) return settled;

  auto models = read_view_models(settings_);
  if (!models) return models.error();
  models_ = *std::move(models);
  recipe_ = indexing_recipe(models_);
  choose_sizes();
  return open_database();
}

Result<void> Run::open_database() {
  // No limit on silence yet: a migration or a recovery may take its time.
  auto database = DatabaseAccess::open(settings_.database_url,
                                       fmt::format("forkdex supervisor, process {}", ::getpid()),
                                       {{}, [this] { return !stopped(); }});
  if (!database) return database.error();
  database_.emplace(*std::move(database));
  if (auto claimed = claim(); !claimed) return claimed;
  const std::chrono::seconds database_timeout(settings_.database_timeout);
  database_->connection().set_wait_limits({std::max(database_timeout, kLeastSilence),
                                           [this] { return environment_.stops_seen() < 2; }});
  watch_.emplace(environment_.context, *database_, *ledger_, database_timeout, database_events());
  return fault::point("run.claimed");
}

void Run::choose_sizes() {
  workers_ = settings_.workers
                 ? *settings_.workers
                 : choose_workers(settings_.memory_per_worker.value_or(kPlannedWorkerBytes));
  memory_per_worker_ = settings_.memory_per_worker
                           ? *settings_.memory_per_worker
                           : choose_memory_per_worker(workers_, machine_limits().memory_bytes());
}

}  // namespace forkdex
