#include "supervisor/database/database_access.h"

#include "common/url.h"
#include "supervisor/database/data_folder.h"
#include "supervisor/database/schema.h"

namespace forkdex {

Result<DatabaseAccess> DatabaseAccess::open(const std::string& url,
                                            const std::string& application_name) {
  DatabaseAccess access;
  if (url.empty()) {
    const auto data = DataFolder::open();
    if (!data) return data.error();
    auto server = PostgresServer::open(*data);
    if (!server) return server.error();
    access.server_.emplace(*std::move(server));
    access.conninfo_ = access.server_->conninfo();
  } else {
    access.conninfo_ = without_driver(url);
  }
  auto connection = PgConnection::open(access.conninfo_, application_name);
  if (!connection) return connection.error();
  access.connection_.emplace(*std::move(connection));
  if (auto prepared = prepare_schema(*access.connection_); !prepared) return prepared.error();
  return access;
}

std::string DatabaseAccess::description() const {
  return server_ ? "embedded PostgreSQL" : describe_database(conninfo_);
}

}  // namespace forkdex
