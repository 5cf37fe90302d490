// The worker's end of a segment against a supervisor that writes anything into it: a job it takes
// can be worked on, and its answers stay inside the segment.

#include <cstdint>
#include <stdexcept>
#include <string_view>

#include "common/protocol/segment.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/lying_peer.h"

namespace forkdex::fuzz {
namespace {

void take_and_finish(JobReceiver& receiver, Input& input) {
  const auto taken = receiver.take();
  if (!taken) {
    expect(taken.error().code == ErrorCode::kRingBroken, "the error is the ring's");
    return;
  }
  if (!*taken) return;
  expect((*taken)->slot < kSlots, "a slot is one of the table");
  expect((*taken)->job.payload.size() <= kMaxJobPayload, "a payload has its limit");
  expect(static_cast<std::size_t>((*taken)->job.kind) < kJobKinds, "a kind is one");
  receiver.enter((*taken)->slot, Stage::kRead);
  receiver.set_content_hash((*taken)->slot, Sha256{});
  Outcome outcome;
  outcome.detail = input.line();
  outcome.payload = input.line();
  receiver.finish((*taken)->slot, outcome);
}

void check(std::string_view bytes) {
  Input input(bytes);
  auto sender = JobSender::create();
  if (!sender) throw std::runtime_error(sender.error().text());
  JobReceiver receiver = attached(*sender);
  LyingPeer peer(sender->memory_fd());
  for (int steps = 0; steps < 200 && !input.empty(); ++steps) {
    switch (input.letter()) {
      case 'o': {
        Job job;
        job.kind = static_cast<JobKind>(input.number<std::uint8_t>());
        job.payload = input.line();
        sender->offer(job);
        break;
      }
      case 't':
        take_and_finish(receiver, input);
        break;
      default:
        peer.write(input);
    }
  }
}

const Registration kTarget("job_receiver", check);

}  // namespace
}  // namespace forkdex::fuzz
