#include "supervisor/commands/failures.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/terminal_text.h"
#include "supervisor/database/access.h"
#include "supervisor/database/repositories.h"
#include "supervisor/terminal/output.h"

namespace forkdex {
namespace {

constexpr bool kSkippedToo = true;

std::string failure_line(const Refusal& refusal) {
  std::string line =
      fmt::format("{} {}: {}", refusal.state, printable(refusal.path), printable(refusal.reason));
  if (!refusal.detail.empty()) line += fmt::format(" ({})", printable(refusal.detail));
  if (refusal.attempts > 1) line += fmt::format(", {} attempts", refusal.attempts);
  return line + '\n';
}

}  // namespace

Result<std::string> failures_text(PgConnection& connection, const std::string& name) {
  std::string text;
  const auto listed = list_refusals(connection, name, kSkippedToo,
                                    [&](const Refusal& refusal) { text += failure_line(refusal); });
  if (!listed) return listed.error();
  return text;
}

Result<std::string> failures_json(PgConnection& connection, const std::string& name) {
  using Json = nlohmann::ordered_json;
  Json failures = Json::array();
  const auto listed = list_refusals(connection, name, kSkippedToo, [&](const Refusal& refusal) {
    failures.push_back({{"path", refusal.path},
                        {"state", refusal.state},
                        {"reason", refusal.reason},
                        {"detail", refusal.detail},
                        {"attempts", refusal.attempts}});
  });
  if (!listed) return listed.error();
  const Json answer = {{"failures", std::move(failures)}};
  return answer.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

Result<int> run_failures(const Invocation& invocation) {
  auto database = DatabaseAccess::open(invocation.settings.database_url, "forkdex query");
  if (!database) return database.error();
  const std::string& name = invocation.arguments.front();
  const auto failures = invocation.settings.json ? failures_json(database->connection(), name)
                                                 : failures_text(database->connection(), name);
  if (!failures) return failures.error();
  if (auto written = write_output(*failures); !written) return written.error();
  return kExitOk;
}

}  // namespace forkdex
