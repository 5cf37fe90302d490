#include "supervisor/run/job_queue.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

namespace forkdex {
namespace {

Job job(std::uint64_t id, std::uint64_t bytes, std::string label) {
  Job job;
  job.id = id;
  job.label = std::move(label);
  job.cost = bytes;
  return job;
}

TEST_CASE("job queue: the biggest first, of equal ones the first added") {
  JobQueue queue;
  CHECK(queue.empty());
  for (const auto& [id, bytes] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
           {0, 1}, {1, 30}, {2, 20}, {3, 30}, {4, 0}})
    REQUIRE(queue.add(job(id, bytes, "f")).ok());
  std::vector<std::uint64_t> order;
  while (!queue.empty()) order.push_back((**queue.next()).id);
  CHECK(order == std::vector<std::uint64_t>{1, 3, 2, 0, 4});
  CHECK_FALSE(queue.next()->has_value());
}

TEST_CASE("job queue: jobs that are to leave as they were added do") {
  JobQueue queue(JobOrder::kAsAdded);
  for (const std::uint64_t cost : {1, 30, 20}) REQUIRE(queue.add(job(cost, cost, "t")).ok());
  std::vector<std::uint64_t> order;
  while (!queue.empty()) order.push_back((**queue.next()).id);
  CHECK(order == std::vector<std::uint64_t>{1, 30, 20});
}

TEST_CASE("job queue: a job comes back as it was added") {
  Job before = job(7, 99, "a.py");
  before.kind = JobKind::kEmbedTexts;
  before.payload = std::string("a\0\n\xff.py", 7);
  before.memo = std::string(100'000, 'm');
  JobQueue queue;
  REQUIRE(queue.add(before).ok());
  REQUIRE(queue.add(job(8, 1, "")).ok());
  CHECK(queue.bytes() == 100);
  const auto taken = queue.next();
  REQUIRE(taken.ok());
  const Job& after = **taken;
  CHECK(after.id == 7);
  CHECK(after.kind == JobKind::kEmbedTexts);
  CHECK(after.attempt == 1);
  CHECK(after.label == "a.py");
  CHECK(after.cost == 99);
  CHECK(after.payload == before.payload);
  CHECK(after.memo == before.memo);
  CHECK((**queue.next()).memo.empty());
}

TEST_CASE("job queue: more than memory is given goes to disk and comes back whole") {
  const unsigned seed = std::random_device()();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  JobQueue queue;
  std::vector<std::pair<std::uint64_t, std::string>> added;
  for (std::uint64_t id = 0; id < 20'000; ++id) {
    added.emplace_back(random() % 1000, std::string(random() % 200, 'p') + std::to_string(id));
    REQUIRE(queue.add(job(id, added.back().first, added.back().second)).ok());
  }
  std::vector<bool> seen(added.size());
  std::uint64_t last = 1000;
  for (std::size_t left = added.size(); left > 0; --left) {
    REQUIRE(queue.size() == left);
    const auto taken = queue.next();
    REQUIRE(taken.ok());
    const Job& next = **taken;
    REQUIRE_FALSE(seen[next.id]);
    seen[next.id] = true;
    REQUIRE(next.label == added[next.id].second);
    REQUIRE(next.cost == added[next.id].first);
    REQUIRE(next.cost <= last);
    last = next.cost;
  }
}

}  // namespace
}  // namespace forkdex
