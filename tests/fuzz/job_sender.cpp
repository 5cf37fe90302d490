// The supervisor's end of a segment against a worker that writes anything into it: what it reads is
// an error or could be true, and every job it handed out is held until it came back.

#include <chrono>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include "common/base/path_text.h"
#include "common/base/utf8.h"
#include "common/jobs/index_file.h"
#include "common/jobs/payload.h"
#include "common/protocol/segment.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/lying_peer.h"

namespace forkdex::fuzz {
namespace {

using std::chrono::nanoseconds;

bool is_row_text(std::string_view text) {
  return is_utf8(text) && text.find('\0') == std::string_view::npos;
}

/// What a supervisor does with one worker, step by step, as the input says.
class Supervisor {
 public:
  Supervisor() : sender_(make()), receiver_(attached(sender_)), peer_(sender_.memory_fd()) {}

  void step(Input& input) {
    switch (input.letter()) {
      case 'o':
        offer(input);
        break;
      case 'x':
        work(input);
        break;
      case 'c':
        collect();
        break;
      default:
        peer_.write(input);
    }
    look();
  }

 private:
  static JobSender make() {
    auto sender = JobSender::create();
    if (!sender) throw std::runtime_error(sender.error().text());
    return *std::move(sender);
  }

  void offer(Input& input) {
    Job job;
    job.id = next_id_++;
    job.kind = static_cast<JobKind>(input.number<std::uint8_t>() % kJobKinds);
    job.payload = input.line();
    if (sender_.offer(job)) outstanding_.emplace(job.id, job.kind);
  }

  // What a worker says of a file, or bytes that say nothing.
  static std::string result(Input& input) {
    if (input.letter() == '-') return std::string(input.line());
    IndexFileResult file;
    file.state = static_cast<FileState>(input.number<std::uint8_t>());
    file.language = input.line();
    file.chunks = input.number<std::uint32_t>();
    return encode(file);
  }

  // What a phase does with a payload: that of another kind reads as none, or as one that could be.
  static void look_into(std::string_view payload) {
    const auto file = index_file_result(payload);
    expect(!file || (static_cast<std::size_t>(file->state) < kFileStateCount &&
                     is_row_text(file->language) && is_row_text(file->blob_oid)),
           "a file's result can stand in a row");
  }

  // An honest worker's turn, in memory that may be damaged.
  void work(Input& input) {
    const auto taken = receiver_.take();
    if (!taken || !*taken) return;
    receiver_.enter((*taken)->slot, static_cast<Stage>(input.number<std::uint8_t>()));
    Outcome outcome;
    outcome.end = static_cast<JobEnd>(input.number<std::uint8_t>());
    outcome.detail = input.line();
    outcome.payload = result(input);
    if (input.letter() != '-') receiver_.finish((*taken)->slot, outcome);
  }

  void collect() {
    const auto collected = sender_.collect();
    if (!collected) {
      expect(collected.error().code == ErrorCode::kRingBroken, "the error is the ring's");
      return;
    }
    if (!*collected) return;
    const Outcome& outcome = **collected;
    const auto out = outstanding_.extract(outcome.job_id);
    expect(!out.empty(), "an outcome is of a job that was out");
    expect(is_result_of(out.mapped(), outcome.end, outcome.payload),
           "an outcome is one of its job's kind");
    expect(outcome.end < JobEnd::kQuarantined, "an outcome's end is one that a worker knows");
    expect(is_row_text(outcome.reason) && is_row_text(outcome.detail),
           "an outcome's texts can stand in a row");
    look_into(outcome.payload);
    const nanoseconds now = std::chrono::steady_clock::now().time_since_epoch();
    for (const nanoseconds time : {outcome.times.read, outcome.times.parse, outcome.times.embed,
                                   outcome.times.store, outcome.elapsed})
      expect(time >= nanoseconds(0) && time <= now, "nothing took longer than there was time");
  }

  // What the supervisor asks between two outcomes.
  void look() const {
    const auto held = sender_.held();
    const auto last_beat = sender_.last_beat();
    const auto now = std::chrono::steady_clock::now();
    expect(held.size() == outstanding_.size(), "every job that is out is held");
    for (const JobSender::Held& job : held) {
      expect(outstanding_.contains(job.job_id), "what is held was handed out");
      expect(job.since <= now && !name(job.stage).empty(), "a stage began before now");
    }
    if (const auto active = sender_.active())
      expect(outstanding_.contains(*active), "the active job is one that is out");
    expect(last_beat <= now, "the last beat was before now");
    expect(sender_.idle() >= nanoseconds(0), "nobody was idle for less than no time");
    expect(is_row_text(sender_.sandbox_gaps()), "what the sandbox lacks can be shown");
    if (const auto failure = sender_.failure())
      expect(is_row_text(failure->text()), "a failure's text can be shown");
  }

  JobSender sender_;
  JobReceiver receiver_;
  LyingPeer peer_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, JobKind> outstanding_;
};

void check(std::string_view bytes) {
  Input input(bytes);
  Supervisor supervisor;
  for (int steps = 0; steps < 200 && !input.empty(); ++steps) supervisor.step(input);
}

const Registration kTarget("job_sender", check);

}  // namespace
}  // namespace forkdex::fuzz
