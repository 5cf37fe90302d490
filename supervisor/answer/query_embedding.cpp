#include "supervisor/answer/query_embedding.h"

#include <optional>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>

#include "common/jobs/embed_query.h"
#include "supervisor/fleet/worker_pool.h"

namespace forkdex {
namespace {

// A worker that somebody killed is replaced once; a query that ends two is given up.
constexpr unsigned kMostDeaths = 2;

/// One query and the pool of one worker that embeds it.
class QueryEmbedding {
 public:
  QueryEmbedding(const std::filesystem::path& worker_executable, WorkerSetup setup,
                 const std::string& query)
      : pool_(context_, {.executable = worker_executable, .setup = std::move(setup)}, events()) {
    job_.kind = JobKind::kEmbedQuery;
    job_.label = "the query";
    job_.payload = encode(EmbedQuery{query});
  }

  Result<std::vector<float>> run() {
    pool_.employ(1);
    context_.run();
    if (answer_) return *std::move(answer_);
    return Error{ErrorCode::kBug, "the query was not answered", ""};
  }

 private:
  WorkerPool::Events events() {
    WorkerPool::Events events;
    events.has_room = [this](unsigned worker) {
      if (!is_out_) is_out_ = pool_.offer(worker, job_);
    };
    events.outcome = [this](unsigned, const Outcome& outcome) {
      end(decode<EmbedQueryResult>(outcome.payload).value_or(EmbedQueryResult()).vector);
    };
    events.orphaned = [this](unsigned, const auto&, const Blame& blame) {
      is_out_ = false;
      ++job_.attempt;
      if (++deaths_ == kMostDeaths)
        end(Error{ErrorCode::kBug, "the query cannot be embedded", blame.cause});
    };
    events.database_lost = [](const Error&) { return false; };
    events.failed = [this](Error error) { end(std::move(error)); };
    events.drained = [] {};
    return events;
  }

  void end(Result<std::vector<float>> answer) {
    answer_ = std::move(answer);
    context_.stop();
  }

  boost::asio::io_context context_;
  Job job_;
  bool is_out_ = false;
  unsigned deaths_ = 0;
  std::optional<Result<std::vector<float>>> answer_;
  WorkerPool pool_;
};

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
  return QueryEmbedding(worker_executable, std::move(setup), query).run();
}

}  // namespace forkdex
