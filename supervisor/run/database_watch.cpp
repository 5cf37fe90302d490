#include "supervisor/run/database_watch.h"

#include <condition_variable>
#include <memory>
#include <mutex>

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include "common/error/fault.h"
#include "supervisor/terminal/log.h"

namespace forkdex {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBetweenTries{200};

/// Sleeps, unless it is time to stop.
void sleep_for(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any().wait_for(lock, stop, time, [] { return false; });
}

}  // namespace

void DatabaseWatch::lost(const Error& reason) {
  if (waiting_ || gone_) return;
  waiting_ = true;
  since_ = Clock::now();
  // A server that only stood still would keep the claim for this session.
  access_.connection().close();
  log_warning("database.lost", {{"reason", reason.text()}});
  events_.lost();
  if (++losses_ > kMostLosses) {
    waiting_ = false;
    return give_up({ErrorCode::kDatabaseGone,
                    fmt::format("the database went away {} times with no file finished in between; "
                                "finished files are kept: look into the server's log, then run "
                                "again to resume",
                                losses_),
                    reason.text()});
  }
  thread_ = std::jthread([this](const std::stop_token& stop) {
    // In a shared pointer, because a handler must be copyable.
    auto result = std::make_shared<Result<DatabaseAccess::Reached>>(reach(stop));
    if (!stop.stop_requested())
      boost::asio::post(context_, [this, result] { reached(std::move(*result)); });
  });
}

bool DatabaseWatch::suspect(const Error& reason) {
  if (waiting_) return true;
  if (gone_) return false;
  if (!access_.connection().run("SELECT 1")) lost(reason);
  return waiting_;
}

/// On the thread: tries until the limit. ERRORS kDatabaseGone, kClaimHeld, kDiskFull.
Result<DatabaseAccess::Reached> DatabaseWatch::reach(const std::stop_token& stop) const {
  // Whatever connect_timeout says.
  const WaitLimits limits{limit_ + kBetweenTries, [&stop] { return !stop.stop_requested(); }};
  for (;;) {
    auto result = reach_once(limits);
    if (result || traits(result.error().code).ends_wait) return result;
    if (stop.stop_requested() || Clock::now() - since_ >= limit_)
      return Error{ErrorCode::kDatabaseGone,
                   fmt::format("the database went away and did not come back within {} s "
                               "(--database-timeout); finished files are kept: run again to resume "
                               "once it answers",
                               limit_.count()),
                   result.error().text()};
    sleep_for(kBetweenTries, stop);
  }
}

Result<DatabaseAccess::Reached> DatabaseWatch::reach_once(const WaitLimits& limits) const {
  if (auto passed = fault::point("database.reach"); !passed) return passed.error();
  auto reached = access_.reach(limits);
  if (!reached) return reached;
  // Our own lost session may hold the claim until the server has noticed (prepare_session).
  const auto deadline = since_ + limit_;
  auto claimed = claim_repository(reached->connection, ledger_.claim(), [&] {
    return Clock::now() < deadline && limits.allows_waiting();
  });
  if (!claimed) return claimed.error();
  return reached;
}

void DatabaseWatch::reached(Result<DatabaseAccess::Reached> result) {
  thread_.join();
  waiting_ = false;
  if (!result) return give_up(result.error());
  access_.adopt(*std::move(result));
  auto resumed = fault::point("database.back");
  if (resumed) resumed = ledger_.resume();
  if (!resumed) {
    if (traits(resumed.error().code).database_away) return lost(resumed.error());
    return give_up(resumed.error());
  }
  const std::chrono::duration<double> away = Clock::now() - since_;
  log_warning("database.back", {{"seconds", away.count()}});
  events_.back();
}

void DatabaseWatch::give_up(Error error) {
  gone_ = error;
  events_.gone(std::move(error));
}

Result<void> DatabaseWatch::wait(const Error& reason, const std::function<bool()>& keep_waiting) {
  lost(reason);
  while (waiting_ && keep_waiting()) {
    context_.restart();
    context_.run_one_for(std::chrono::milliseconds(100));
  }
  context_.restart();
  if (gone_) return *gone_;
  return waiting_ ? Result<void>(reason) : Result<void>();
}

}  // namespace forkdex
