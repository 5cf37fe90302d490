#include "common/error/error.h"

#include <catch2/catch.hpp>
#include <functional>
#include <set>
#include <string>

namespace forkdex {
namespace {

using Names = std::set<std::string>;

/// The names of the errors whose rows `holds` is true of.
Names errors_where(const std::function<bool(const ErrorTraits&)>& holds) {
  Names names;
  for (int i = 0; i <= static_cast<int>(ErrorCode::kBug); ++i) {
    const ErrorTraits& row = traits(static_cast<ErrorCode>(i));
    if (holds(row)) names.emplace(row.name);
  }
  return names;
}

TEST_CASE("error table: the database is away when it is lost or unreachable") {
  CHECK(errors_where([](const ErrorTraits& row) { return row.database_away; }) ==
        Names{"database_lost", "database_unreachable"});
}

TEST_CASE("error table: a lack of connections alone may pass") {
  CHECK(errors_where([](const ErrorTraits& row) { return row.may_pass; }) ==
        Names{"too_many_clients"});
}

TEST_CASE("error table: a held claim and a full disk end a wait for the database") {
  CHECK(errors_where([](const ErrorTraits& row) { return row.ends_wait; }) ==
        Names{"claim_held", "disk_full"});
}

TEST_CASE("error table: a worker is at fault for its memory, its model and its ring") {
  CHECK(errors_where([](const ErrorTraits& row) { return row.fault == WorkerFault::kMemory; }) ==
        Names{"out_of_memory"});
  CHECK(errors_where([](const ErrorTraits& row) { return row.fault == WorkerFault::kCrash; }) ==
        Names{"model", "ring"});
}

TEST_CASE("error table: what a worker is at fault for ends the worker") {
  const Names not_ending = errors_where([](const ErrorTraits& row) {
    return row.fault != WorkerFault::kNone && row.radius != BlastRadius::kWorker;
  });
  CHECK(not_ending == Names{});
}

TEST_CASE("error table: an error has an exit status where it ends a process") {
  const Names wrong = errors_where([](const ErrorTraits& row) {
    return (row.exit_status != 0) != (row.radius >= BlastRadius::kWorker);
  });
  CHECK(wrong == Names{});
}

}  // namespace
}  // namespace forkdex
