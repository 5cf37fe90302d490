#pragma once

// What a run does when its database goes away: it waits, on a thread of its own, until the database
// answers (starting the embedded one again), takes the claim again and goes on. Files are not
// touched by it: what workers had in hand goes back to the queue, what the ledger had noted is
// written afterwards.
//
// Lives on the io_context's one thread, but for the waiting. Destroyed while it waits, it gives up.

#include <chrono>
#include <functional>
#include <optional>
#include <thread>

#include <boost/asio/io_context.hpp>

#include "common/error/result.h"
#include "supervisor/database/access.h"
#include "supervisor/database/ledger.h"

namespace forkdex {

class DatabaseWatch {
 public:
  struct Events {
    std::function<void()> lost;       ///< the wait begins
    std::function<void()> back;       ///< it has ended; the ledger works again
    std::function<void(Error)> gone;  ///< it has ended in vain; comes at most once
  };

  /// Losses with no job finished in between; one more ends the run: what we do may be what ends
  /// the server.
  static constexpr int kMostLosses = 5;

  /// `limit` is the longest wait, and the longest silence of a server that is asked. REQUIRES that
  /// the references outlive the watch.
  DatabaseWatch(boost::asio::io_context& context, DatabaseAccess& access, Ledger& ledger,
                std::chrono::seconds limit, Events events)
      : context_(context),
        access_(access),
        ledger_(ledger),
        limit_(limit),
        events_(std::move(events)) {}

  /// Begins to wait, if we have not yet. `reason` is how the loss showed.
  void lost(const Error& reason);
  /// Somebody else lost the database: asks whether it answers us. Returns waiting(). BLOCKS until
  /// there is an answer.
  bool suspect(const Error& reason);
  /// Whether the database is away; the ledger is not to be used then.
  bool waiting() const { return waiting_; }
  /// A job finished: the database works, losses are counted anew.
  void job_finished() { losses_ = 0; }

  /// Runs `operation` (it gives a Result), again after every loss of the database, and gives what
  /// it gave in the end. For where the context does not run: runs it while waiting, as long as
  /// `keep_waiting` says so. ERRORS those of `operation`, kDatabaseGone, kClaimHeld.
  template <class F>
  auto insist(F operation, const std::function<bool()>& keep_waiting) {
    for (;;) {
      auto result = operation();
      if (result || !traits(result.error().code).database_away) return result;
      if (auto back = wait(result.error(), keep_waiting); !back)
        return decltype(result)(back.error());
    }
  }

 private:
  Result<void> wait(const Error& reason, const std::function<bool()>& keep_waiting);
  Result<DatabaseAccess::Reached> reach(const std::stop_token& stop) const;
  Result<DatabaseAccess::Reached> reach_once(const WaitLimits& limits) const;
  void reached(Result<DatabaseAccess::Reached> result);
  void give_up(Error error);

  boost::asio::io_context& context_;
  DatabaseAccess& access_;
  Ledger& ledger_;
  std::chrono::seconds limit_;
  Events events_;
  bool waiting_ = false;
  int losses_ = 0;
  std::optional<Error> gone_;
  std::chrono::steady_clock::time_point since_{};
  std::jthread thread_;  // last: stopped and joined before the rest goes
};

}  // namespace forkdex
