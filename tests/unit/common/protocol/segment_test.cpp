// The job segment and its rings, with both ends in one process.

#include "common/protocol/segment.h"

#include <atomic>
#include <thread>

#include <catch2/catch.hpp>

#include "common/jobs/embed_query.h"
#include "common/jobs/embed_texts.h"
#include "common/jobs/index_file.h"
#include "common/protocol/ring.h"

using namespace forkdex;

namespace {

struct Ends {
  JobSender sender;
  JobReceiver receiver;
};

Ends connect() {
  auto sender = JobSender::create();
  REQUIRE(sender.ok());
  auto receiver =
      JobReceiver::attach(UniqueFd(::dup(sender->memory_fd())), UniqueFd(::dup(sender->jobs_fd())),
                          UniqueFd(::dup(sender->outcomes_fd())));
  REQUIRE(receiver.ok());
  return {*std::move(sender), *std::move(receiver)};
}

Job job(std::uint64_t id, std::string payload) {
  Job job;
  job.id = id;
  job.payload = std::move(payload);
  return job;
}

/// What a worker says of a file that is done.
Outcome done() {
  Outcome outcome;
  outcome.payload = encode(IndexFileResult());
  return outcome;
}

}  // namespace

TEST_CASE("segment: a job and its outcome cross unchanged", "[ring]") {
  Ends ends = connect();
  Job sent = job(7, std::string("na\xffme\n\0.ts", 11));
  sent.kind = JobKind::kEmbedTexts;
  sent.attempt = 3;
  sent.in_doubt = GENERATE(false, true);
  sent.taken_before = !sent.in_doubt;
  REQUIRE(ends.sender.offer(sent));
  const auto taken = ends.receiver.take();
  REQUIRE(taken.ok());
  REQUIRE(taken->has_value());
  const Job& got = (*taken)->job;
  CHECK(got.id == 7);
  CHECK(got.kind == JobKind::kEmbedTexts);
  CHECK(got.payload == sent.payload);
  CHECK(got.attempt == 3);
  CHECK(got.in_doubt == sent.in_doubt);
  CHECK(got.taken_before == sent.taken_before);

  Outcome outcome;
  outcome.end = JobEnd::kFailed;
  outcome.reason = "encoding";
  outcome.detail = "no UTF-16";
  outcome.times.embed = std::chrono::nanoseconds(5);
  outcome.payload = encode(EmbedTextsResult{1, 99});
  ends.receiver.finish((*taken)->slot, outcome);
  const auto back = ends.sender.collect();
  REQUIRE(back.ok());
  REQUIRE(back->has_value());
  CHECK((*back)->job_id == 7);
  CHECK((*back)->end == JobEnd::kFailed);
  CHECK((*back)->reason == "encoding");
  CHECK((*back)->detail == "no UTF-16");
  CHECK((*back)->times.embed.count() == 5);
  CHECK((*back)->payload == outcome.payload);
}

TEST_CASE("segment: a payload of the greatest length crosses, a longer one is refused", "[ring]") {
  Ends ends = connect();
  REQUIRE(ends.sender.offer(job(1, std::string(kMaxJobPayload, 'p'))));
  CHECK_FALSE(ends.sender.offer(job(2, std::string(kMaxJobPayload + 1, 'p'))));
  const auto taken = ends.receiver.take();
  REQUIRE(taken->has_value());
  CHECK((*taken)->job.payload.size() == kMaxJobPayload);
}

TEST_CASE("segment: an outcome that no worker gives for its kind of job is damage", "[ring]") {
  Ends ends = connect();
  REQUIRE(ends.sender.offer(job(1, "a")));
  Outcome outcome = done();
  const auto spoil = GENERATE(0, 1, 2, 3);
  if (spoil == 0) outcome.end = JobEnd::kQuarantined;
  if (spoil == 1) outcome.end = static_cast<JobEnd>(99);
  if (spoil == 2) outcome.payload.pop_back();
  if (spoil == 3) outcome.payload = encode(EmbedTextsResult());
  ends.receiver.finish((*ends.receiver.take())->slot, outcome);
  const auto back = ends.sender.collect();
  REQUIRE_FALSE(back.ok());
  CHECK(back.error().code == ErrorCode::kRingBroken);
  CHECK(ends.sender.held().size() == 1);  // for whoever blames
}

TEST_CASE("segment: holds as many jobs as it has slots and says which", "[ring]") {
  Ends ends = connect();
  for (std::uint64_t id = 0; id < kSlots; ++id) REQUIRE(ends.sender.offer(job(id, "a")));
  CHECK_FALSE(ends.sender.offer(job(kSlots, "a")));
  const auto taken = ends.receiver.take();
  ends.receiver.enter((*taken)->slot, Stage::kEmbed);
  const auto held = ends.sender.held();
  REQUIRE(held.size() == kSlots);
  std::size_t in_work = 0;
  for (const auto& one : held) in_work += one.state == SlotState::kTaken;
  CHECK(in_work == 1);
  CHECK(ends.sender.active() == (*taken)->job.id);
}

TEST_CASE("segment: outcomes may come back in another order than the jobs went", "[ring]") {
  Ends ends = connect();
  for (std::uint64_t id = 1; id <= 3; ++id) REQUIRE(ends.sender.offer(job(id, "a")));
  std::vector<std::uint32_t> slots;
  for (int i = 0; i < 3; ++i) slots.push_back((*ends.receiver.take())->slot);
  for (const int i : {2, 0, 1}) ends.receiver.finish(slots[static_cast<std::size_t>(i)], done());
  std::vector<std::uint64_t> order;
  for (int i = 0; i < 3; ++i) order.push_back((*ends.sender.collect())->job_id);
  CHECK(order == std::vector<std::uint64_t>{3, 1, 2});
  CHECK(ends.sender.held().empty());
}

TEST_CASE("segment: after a stop nothing more is taken", "[ring]") {
  Ends ends = connect();
  REQUIRE(ends.sender.offer(job(1, "a")));
  ends.sender.request_stop();
  ends.receiver.wait();
  CHECK(ends.receiver.stop_requested());
  CHECK_FALSE(ends.receiver.take()->has_value());
  CHECK(ends.sender.held().front().state == SlotState::kReady);
}

TEST_CASE("segment: the worker's last word arrives, cut to whole characters", "[ring]") {
  Ends ends = connect();
  CHECK_FALSE(ends.sender.failure());
  std::string sentence;
  while (sentence.size() < 2000) sentence += "\u00e9";
  ends.receiver.set_failure({ErrorCode::kModelUnusable, sentence, "context"});
  const auto failure = ends.sender.failure();
  REQUIRE(failure);
  CHECK(failure->code == ErrorCode::kModelUnusable);
  CHECK(failure->sentence.size() == 1024);
  CHECK(failure->context == "context");
  CHECK(ends.sender.phase() == WorkerPhase::kFailed);
}

TEST_CASE("segment: the supervisor sees what a job is at, since when, and what its bytes are",
          "[ring]") {
  Ends ends = connect();
  const auto start = std::chrono::steady_clock::now();
  REQUIRE(ends.sender.offer(job(1, "a")));
  CHECK(ends.sender.last_beat() < start);
  const auto taken = ends.receiver.take();
  CHECK(ends.sender.last_beat() >= start);
  ends.receiver.enter((*taken)->slot, Stage::kParse);
  const JobSender::Held before = ends.sender.held().front();
  CHECK(before.stage == Stage::kParse);
  CHECK(before.since >= start);
  CHECK_FALSE(before.content_hash);
  ends.receiver.set_content_hash((*taken)->slot, sha256("bytes"));
  CHECK(ends.sender.held().front().content_hash == sha256("bytes"));
  // The next job in this slot is another file.
  ends.receiver.finish((*taken)->slot, done());
  REQUIRE(ends.sender.collect()->has_value());
  REQUIRE(ends.sender.offer(job(2, "b")));
  CHECK_FALSE(ends.sender.held().front().content_hash);
}

TEST_CASE("segment: what a worker cannot know does not pass: texts that are none, times to come",
          "[ring]") {
  Ends ends = connect();
  REQUIRE(ends.sender.offer(job(1, "a")));
  const auto taken = ends.receiver.take();
  Outcome outcome = done();
  outcome.detail = std::string("\xff\0\n", 3);
  outcome.times.read = std::chrono::nanoseconds::max();
  outcome.times.parse = std::chrono::nanoseconds(-1);
  ends.receiver.finish((*taken)->slot, outcome);
  ends.receiver.add_idle(std::chrono::nanoseconds(-1));
  const auto back = ends.sender.collect();
  REQUIRE(back->has_value());
  CHECK((*back)->detail == "\\xff\\x00\\x0a");
  CHECK((*back)->times.read <= std::chrono::steady_clock::now().time_since_epoch());
  CHECK((*back)->times.parse.count() == 0);
  CHECK(ends.sender.idle().count() == 0);
}

TEST_CASE("segment: the longest vector comes back", "[ring]") {
  Ends ends = connect();
  Job query = job(5, encode(EmbedQuery{"how are workers restarted"}));
  query.kind = JobKind::kEmbedQuery;
  REQUIRE(ends.sender.offer(query));
  const auto taken = ends.receiver.take();
  CHECK(decode<EmbedQuery>((*taken)->job.payload)->text == "how are workers restarted");
  EmbedQueryResult result;
  for (std::size_t i = 0; i < kMaxVectorDimension; ++i)
    result.vector.push_back(static_cast<float>(i) / 2);
  Outcome outcome;
  outcome.payload = encode(result);
  ends.receiver.finish((*taken)->slot, outcome);
  const auto back = ends.sender.collect();
  REQUIRE(back.ok());
  CHECK((*back)->job_id == 5);
  CHECK(decode<EmbedQueryResult>((*back)->payload)->vector == result.vector);
}

TEST_CASE("ring: every item crosses once and in order between two threads", "[ring]") {
  SharedRing<std::uint32_t, 8> shared;
  constexpr std::uint32_t kItems = 200'000;
  std::thread producer([&] {
    RingProducer<std::uint32_t, 8> ring(shared);
    for (std::uint32_t i = 0; i < kItems;) {
      if (ring.push(i))
        ++i;
      else
        std::this_thread::yield();
    }
  });
  RingConsumer<std::uint32_t, 8> ring(shared);
  std::uint32_t expected = 0;
  bool in_order = true;
  while (expected < kItems) {
    if (const auto item = ring.pop())
      in_order &= *item == expected++;
    else
      std::this_thread::yield();
  }
  producer.join();
  CHECK(in_order);
  CHECK_FALSE(ring.damaged());
}

TEST_CASE("ring: an impossible position is damage, not a read outside", "[ring]") {
  SharedRing<std::uint32_t, 8> shared;
  RingConsumer<std::uint32_t, 8> consumer(shared);
  shared.head.store(1000);
  CHECK_FALSE(consumer.pop());
  CHECK(consumer.damaged());
  shared.head.store(1);
  CHECK_FALSE(consumer.pop());
}
