#include "supervisor/run/text_jobs.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

namespace forkdex {
namespace {

MissingText text(TextSource source, std::uint64_t number, std::uint64_t bytes) {
  return {source, sha256(std::to_string(number)), bytes};
}

std::vector<Job> all_of(JobQueue queue) {
  std::vector<Job> jobs;
  while (!queue.empty()) jobs.push_back(**queue.next());
  return jobs;
}

}  // namespace

TEST_CASE("text jobs: every text is in one job, none beyond a slot or the budget of its tokens") {
  const unsigned seed = std::random_device()();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  TextJobs jobs({.workers = 2}, 100);
  std::map<Sha256, MissingText> added;
  for (std::uint64_t n = 0; n < 20'000; ++n) {
    const TextSource source = kTextSources[random() % 3];
    const MissingText next = text(source, n, random() % 5 == 0 ? 5 : random() % 3000);
    added.emplace(next.hash, next);
    REQUIRE(jobs.add(next).ok());
  }
  auto queue = jobs.finish();
  REQUIRE(queue.ok());
  std::set<std::uint64_t> ids;
  for (const Job& job : all_of(*std::move(queue))) {
    REQUIRE(job.kind == JobKind::kEmbedTexts);
    REQUIRE(job.id >= 100);
    REQUIRE(ids.insert(job.id).second);
    REQUIRE(job.payload.size() <= kMaxJobPayload);
    const auto texts = embed_texts(job.payload);
    REQUIRE(texts);
    REQUIRE_FALSE(texts->hashes.empty());
    REQUIRE(texts->hashes.size() <= kMaxTexts);
    REQUIRE(job.cost <= 4 * 2048);
    for (const Sha256& hash : texts->hashes) {
      const auto found = added.find(hash);
      REQUIRE(found != added.end());
      REQUIRE(found->second.source == texts->source);
      added.erase(found);
    }
  }
  CHECK(added.empty());
}

TEST_CASE(
    "text jobs: texts of one job are about as long as each other, those of a later window "
    "come later") {
  TextJobs jobs({.workers = 1}, 0);
  constexpr std::uint64_t kAll = 2 * TextJobs::kWindow;
  std::map<Sha256, std::uint64_t> numbers;
  for (std::uint64_t n = 0; n < kAll; ++n) {
    const MissingText next = text(TextSource::kCode, n, n % 2 == 0 ? 30 : 1500);
    numbers[next.hash] = n;
    REQUIRE(jobs.add(next).ok());
  }
  auto queue = jobs.finish();
  REQUIRE(queue.ok());
  bool second_window = false;
  std::size_t mixed = 0;
  for (const Job& job : all_of(*std::move(queue))) {
    std::set<bool> kinds;
    const EmbedTexts texts = embed_texts(job.payload).value();
    for (const Sha256& hash : texts.hashes) {
      kinds.insert(numbers.at(hash) % 2 == 0);
      const bool is_second = numbers.at(hash) >= TextJobs::kWindow;
      REQUIRE((is_second || !second_window));
      second_window = is_second;
    }
    mixed += kinds.size() - 1;
  }
  CHECK(mixed <= 2);  // where the long ones of a window end
}

TEST_CASE("text jobs: few texts -> a job for every worker; none -> none") {
  TextJobs few({.workers = 4}, 0);
  for (std::uint64_t n = 0; n < 100; ++n) REQUIRE(few.add(text(TextSource::kText, n, 900)).ok());
  auto queue = few.finish();
  REQUIRE(queue.ok());
  CHECK(queue->size() >= 4);
  TextJobs none({}, 0);
  auto empty = none.finish();
  REQUIRE(empty.ok());
  CHECK(empty->empty());
}

TEST_CASE("text jobs: a job is called by what is in it") {
  CHECK(text_job(1, {TextSource::kMessage, {sha256("a"), sha256("b")}}, 3).label ==
        "2 commit messages");
  CHECK(text_job(1, {TextSource::kCode, {sha256("a")}}, 3).label == "source ca978112ca1b");
}

}  // namespace forkdex
