#include "supervisor/answer/query_embedding.h"

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>

#include "common/jobs/embed_query.h"
#include "supervisor/fleet/worker_process.h"

namespace forkdex {
namespace {

Error died(const ExitCause& cause, WorkerProcess& worker) {
  if (auto failure = worker.jobs().failure()) return *failure;
  return {ErrorCode::kBug,
          fmt::format("the worker that was to embed the query {}", describe(cause)),
          worker.last_words()};
}

}  // namespace

Result<std::vector<float>> embed_query(const std::filesystem::path& worker_executable,
                                       const ModelFolder& model, const WorkerTuning& tuning,
                                       const std::string& query) {
  if (query.find_first_not_of(" \t\r\n") == std::string::npos)
    return Error{ErrorCode::kUsage, "the query is empty: say what to search for", ""};
  if (query.size() > kMaxQueryBytes)
    return Error{ErrorCode::kUsage,
                 fmt::format("the query has {} bytes, more than {}: shorten it", query.size(),
                             kMaxQueryBytes),
                 ""};
  WorkerSetup setup;
  setup.models.code = model;
  setup.tuning = tuning;
  boost::asio::io_context context;
  std::unique_ptr<WorkerProcess> worker;
  Result<std::vector<float>> answer = Error{ErrorCode::kBug, "the query was not answered", ""};
  WorkerProcess::Events events;
  events.woke = [&] {
    const auto outcome = worker->jobs().collect();
    if (outcome && !*outcome) return;  // it became ready
    if (outcome) {
      answer = decode<EmbedQueryResult>((*outcome)->payload).value_or(EmbedQueryResult()).vector;
    } else {
      answer = outcome.error();
    }
    context.stop();
  };
  events.exited = [&](const ExitCause& cause) {
    answer = died(cause, *worker);
    context.stop();
  };
  auto spawned = WorkerProcess::spawn(context, worker_executable, setup, std::move(events));
  if (!spawned) return spawned.error();
  worker = *std::move(spawned);
  Job job;
  job.kind = JobKind::kEmbedQuery;
  job.payload = encode(EmbedQuery{query});
  worker->jobs().offer(job);
  context.run();
  return answer;
}

}  // namespace forkdex
