#include "supervisor/run/job_queue.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

namespace forkdex {
namespace {

Job job(std::uint64_t id, std::uint64_t bytes, std::string path) {
  Job job;
  job.id = id;
  job.path = std::move(path);
  job.signature.size = bytes;
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

TEST_CASE("job queue: a job comes back with everything a first attempt needs") {
  Job before = job(7, 99, std::string("a\0\n\xff.py", 7));
  before.known = true;
  for (std::size_t byte = 0; byte < 32; ++byte)
    before.known_hash[byte] = static_cast<std::uint8_t>(byte);
  before.known_chunks = 12;
  before.signature = {99, -5, 6, 7, 8};
  before.blob_oid = std::string(40, 'a');
  before.kind = JobKind::kMessages;
  before.messages = {sha256("x"), sha256("y")};
  before.quarantine = std::make_shared<Quarantine>(
      Quarantine{{FileState::kQuarantined, "crashed", "signal 11", 3}, 1ULL << 40});
  JobQueue queue;
  REQUIRE(queue.add(before).ok());
  REQUIRE(queue.add(job(8, 1, "")).ok());
  const auto taken = queue.next();
  REQUIRE(taken.ok());
  const Job& after = **taken;
  CHECK(after.id == 7);
  CHECK(after.path == before.path);
  CHECK(after.attempt == 1);
  CHECK(after.known);
  CHECK(std::equal(std::begin(after.known_hash), std::end(after.known_hash), before.known_hash));
  CHECK(after.known_chunks == 12);
  CHECK(after.signature.same_file(before.signature));
  CHECK(after.signature.seen_at_ns == 8);
  CHECK(after.blob_oid == before.blob_oid);
  CHECK(after.kind == JobKind::kMessages);
  CHECK(after.messages == before.messages);
  REQUIRE(after.quarantine);
  CHECK(after.quarantine->verdict.state == FileState::kQuarantined);
  CHECK(after.quarantine->verdict.reason == "crashed");
  CHECK(after.quarantine->verdict.detail == "signal 11");
  CHECK(after.quarantine->verdict.attempts == 3);
  CHECK(after.quarantine->limit == 1ULL << 40);
  CHECK_FALSE((**queue.next()).quarantine);
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
    REQUIRE(next.path == added[next.id].second);
    REQUIRE(next.signature.size == added[next.id].first);
    REQUIRE(next.signature.size <= last);
    last = next.signature.size;
  }
}

}  // namespace
}  // namespace forkdex
