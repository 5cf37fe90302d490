#include "tests/support/index_run.h"

#include <fmt/format.h>

#include <set>
#include <sstream>
#include <stdexcept>

#include "tests/support/temporary_folder.h"
#include "tests/support/wait_until.h"

namespace forkdex::test {
namespace {

constexpr const char* kStates[] = {"indexed", "unchanged", "empty",
                                   "skipped", "failed",    "quarantined"};

/// Says that two numbers which should be one are not.
void expect_equal(const std::string& left_name, long left, const std::string& right_name,
                  long right, std::vector<std::string>& found) {
  if (left != right) {
    found.push_back(fmt::format("{} is {} and {} is {}", left_name, left, right_name, right));
  }
}

/// Distinct texts that have no vector by the model of the last run.
long texts_without_vector(const Database& database, const std::string& repository,
                          const std::string& table, const std::string& column) {
  const std::string model = column == "text_hash" ? "l.text_model"
                            : table == "chunks"   ? "l.code_model"
                                                : "coalesce(nullif(l.text_model, 0), l.code_model)";
  return std::stol(database.value(fmt::format(
      "SELECT count(DISTINCT t.{0}) FROM forkdex.{1} t JOIN forkdex.repositories r "
      "ON r.id = t.repository_id JOIN LATERAL (SELECT * FROM forkdex.runs WHERE repository_id = "
      "r.id ORDER BY id DESC LIMIT 1) l ON true WHERE r.name = '{2}' AND {3} <> 0 AND NOT EXISTS "
      "(SELECT FROM forkdex.vectors v WHERE v.model_id = {3} AND v.content_hash = t.{0})",
      column, table, repository, model)));
}

}  // namespace

Command index_command(const std::filesystem::path& root, const Database& database,
                      const std::filesystem::path& report,
                      const std::vector<std::string>& options) {
  Command command = supervisor_command({"index", "--report", report.string()});
  command.environment["DATABASE_URL"] = database.url();
  command.arguments.insert(command.arguments.end(), options.begin(), options.end());
  command.arguments.push_back(root.string());
  return command;
}

IndexRun index(const std::filesystem::path& root, const Database& database,
               const std::vector<std::string>& options) {
  const TemporaryFolder folder;
  const std::filesystem::path report = folder / "report.json";
  IndexRun done{run(index_command(root, database, report, options), std::chrono::hours(1)), {}};
  if (std::filesystem::exists(report)) done.report = nlohmann::json::parse(read_file(report));
  return done;
}

Dump undisturbed(const std::filesystem::path& root, const std::string& repository) {
  const Database database;
  const IndexRun run = index(root, database, {"--repository", repository});
  if (run.ended.status != 0) throw std::runtime_error(run.ended.text());
  return dump(database, repository);
}

int files_in(const nlohmann::json& report, const std::string& state) {
  return report.at("files").at(state).get<int>();
}

std::vector<std::string> contradictions(const nlohmann::json& report, const Database& database) {
  std::vector<std::string> found;
  const std::string repository = report.at("repository").get<std::string>();
  const std::string of_repository = fmt::format(
      " WHERE repository_id = (SELECT id FROM forkdex.repositories WHERE name = '{}')", repository);
  const auto counted = [&](const std::string& what) {
    return std::stol(database.value("SELECT " + what + of_repository));
  };
  const long total = files_in(report, "total");
  long sum = 0;
  for (const char* state : kStates) sum += files_in(report, state);
  expect_equal("files.total", total, "the sum of the states", sum, found);
  expect_equal("files.total", total, "rows in files", counted("count(*) FROM forkdex.files"),
               found);
  expect_equal("the sum of files.chunk_count",
               counted("coalesce(sum(chunk_count), 0) FROM forkdex.files"), "rows in chunks",
               counted("count(*) FROM forkdex.chunks"), found);
  long language_chunks = 0;
  for (const auto& language : report.at("languages")) {
    language_chunks += language.at("chunks").get<long>();
  }
  expect_equal("the sum over languages", language_chunks, "rows in chunks",
               counted("count(*) FROM forkdex.chunks"), found);
  if (report.at("texts").at("missing").is_null()) return found;  // nothing could be counted
  const long without =
      report.at("texts").at("missing").get<long>() + report.at("texts").at("refused").get<long>();
  const long of_chunks = texts_without_vector(database, repository, "chunks", "content_hash") +
                         texts_without_vector(database, repository, "chunks", "text_hash");
  const long of_messages = texts_without_vector(database, repository, "commits", "content_hash");
  expect_equal("texts.missing and texts.refused", without, "texts without a vector",
               of_chunks + of_messages, found);
  // What the repository's row says is no more than what is so.
  const auto row =
      database
          .rows(fmt::format(
              "SELECT coalesce(texts_total, -1), coalesce(texts_missing, -1), "
              "(SELECT count(DISTINCT content_hash) FROM forkdex.chunks c WHERE c.repository_id = "
              "r.id "
              " AND r.code_model > 0) + (SELECT count(DISTINCT text_hash) FROM forkdex.chunks c "
              " WHERE c.repository_id = r.id AND r.text_model > 0) + (SELECT count(DISTINCT "
              "content_hash) "
              " FROM forkdex.commits k WHERE k.repository_id = r.id), code_model IS NOT NULL, "
              "(SELECT count(*) FROM forkdex.refused_texts) FROM forkdex.repositories r WHERE name "
              "= '{}'",
              repository))
          .at(0);
  const bool is_done = row[3] == "t";
  if (is_done && row[0] != "-1")
    expect_equal("repositories.texts_total", std::stol(row[0]), "texts", std::stol(row[2]), found);
  if (is_done && row[4] == "0")
    expect_equal("texts of chunks without a vector", of_chunks, "what code_model says", 0, found);
  if (is_done && row[1] == "0" && row[4] == "0")
    expect_equal("messages without a vector", of_messages, "what texts_missing says", 0, found);
  if (report.at("status") == "complete")
    expect_equal("texts.missing", report.at("texts").at("missing").get<long>(), "what should be", 0,
                 found);
  return found;
}

int finished_files(const std::string& stderr_text) {
  int count = 0;
  std::istringstream lines(stderr_text);
  for (std::string line; std::getline(lines, line);) {
    const nlohmann::json event = nlohmann::json::parse(line, nullptr, false);
    if (event.is_object() && event.value("event", "") == "file") ++count;
  }
  return count;
}

int wait_for_files(Program& program, int count) {
  int finished = 0;
  wait_until(
      std::to_string(count) + " files are finished",
      [&] {
        finished = finished_files(program.err());
        return finished >= count || !program.running();
      },
      [&] { return std::to_string(finished) + " finished\n" + program.err(); },
      std::chrono::seconds(120));
  return finished;
}

int steps_told(const std::string& stderr_text) {
  std::set<long> texts;
  std::istringstream lines(stderr_text);
  for (std::string line; std::getline(lines, line);) {
    const nlohmann::json event = nlohmann::json::parse(line, nullptr, false);
    const long done = event.is_object() ? event.value("texts_done", 0L) : 0;
    if (done > 0) texts.insert(done);
  }
  return finished_files(stderr_text) + static_cast<int>(texts.size());
}

int wait_for_step(Program& program, int told) {
  wait_until(
      "the run is further than step " + std::to_string(told),
      [&] { return steps_told(program.err()) > told || !program.running(); },
      [&] { return program.err(); }, std::chrono::seconds(120));
  return steps_told(program.err());
}

}  // namespace forkdex::test
