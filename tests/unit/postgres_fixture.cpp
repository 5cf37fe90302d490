#include "tests/unit/postgres_fixture.h"

#define CATCH_CONFIG_EXTERNAL_INTERFACES  // for the listener
#include <catch2/catch.hpp>
#include <optional>
#include <stdexcept>

#include "supervisor/database/schema.h"
#include "supervisor/database/server/postgres_server.h"
#include "tests/support/leftovers.h"

namespace forkdex::test {
namespace {

/// The server all cases share. Pinned, so that it outlives each and keeps no descriptor here.
std::optional<std::string>& shared_url() {
  static std::optional<std::string> url;
  return url;
}

const std::string& server() {
  if (shared_url()) return *shared_url();
  const auto data = DataFolder::open();
  if (!data) throw std::runtime_error(data.error().text());
  auto url = PostgresServer::pin(*data);
  if (!url) throw std::runtime_error(url.error().text());
  PgConnection connection = connect(*url);
  const PgRows pid = must_run(connection,
                              "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1), "
                              "current_setting('unix_socket_directories')");
  expect_process(static_cast<int>(pid.integer(0, 0)));
  expect_path(std::string(pid.text(0, 1)));
  expect_path(data->path);
  return shared_url().emplace(*url);
}

class StopServer : public Catch::TestEventListenerBase {
 public:
  using TestEventListenerBase::TestEventListenerBase;
  void testRunEnded(const Catch::TestRunStats&) override {
    if (!shared_url()) return;
    const auto data = DataFolder::open();
    if (data) [[maybe_unused]]
      const auto stopped = PostgresServer::unpin(*data);
  }
};
CATCH_REGISTER_LISTENER(StopServer)

}  // namespace

PgConnection connect(const std::string& conninfo) {
  auto connection = PgConnection::open(conninfo, "unit test");
  if (!connection) throw std::runtime_error(connection.error().text());
  return std::move(*connection);
}

PgRows must_run(PgConnection& connection, const std::string& sql) {
  auto rows = connection.run(sql);
  if (!rows) throw std::runtime_error(rows.error().text() + " in " + sql);
  return std::move(*rows);
}

std::string fresh_database(const std::string& name, bool bare) {
  std::string url = server();
  {
    PgConnection connection = connect(url);
    must_run(connection, "DROP DATABASE IF EXISTS " + name + " WITH (FORCE)");
    must_run(connection, "CREATE DATABASE " + name);
  }
  url.replace(url.find("/forkdex?"), 9, "/" + name + "?");
  if (bare) return url;
  PgConnection connection = connect(url);
  if (const auto prepared = prepare_schema(connection); !prepared)
    throw std::runtime_error(prepared.error().text());
  return url;
}

}  // namespace forkdex::test
