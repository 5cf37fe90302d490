#include "supervisor/database/access.h"

#include "common/pg/conninfo.h"
#include "common/pg/session.h"
#include "common/pg/url.h"
#include "supervisor/database/pooler.h"
#include "supervisor/database/schema.h"
#include "supervisor/database/server/worker_role.h"
#include "supervisor/installation/data_folder.h"

namespace forkdex {

Result<DatabaseAccess> DatabaseAccess::open(const std::string& url,
                                            const std::string& application_name,
                                            const WaitLimits& limits) {
  DatabaseAccess access;
  if (url.empty()) {
    const auto data = DataFolder::open();
    if (!data) return data.error();
    auto server = PostgresServer::open(*data, limits);
    if (!server) return server.error();
    access.server_.emplace(*std::move(server));
    access.conninfo_ = access.server_->conninfo();
  } else {
    access.conninfo_ = without_driver(url);
  }
  auto connection = PgConnection::open(access.conninfo_, application_name, nullptr, limits);
  if (!connection) return connection.error();
  access.connection_.emplace(*std::move(connection));
  access.application_name_ = application_name;
  // Before the first lock, and before anything is set.
  if (!access.server_)
    if (auto alone = refuse_shared_sessions(*access.connection_, access.conninfo_); !alone)
      return alone.error();
  if (auto lifted = prepare_session(*access.connection_); !lifted) return lifted.error();
  if (auto prepared = prepare_schema(*access.connection_); !prepared) return prepared.error();
  if (access.server_)
    if (auto prepared = prepare_worker_role(*access.connection_); !prepared)
      return prepared.error();
  return access;
}

Result<DatabaseAccess::Reached> DatabaseAccess::reach(const WaitLimits& limits) {
  if (server_)
    if (auto running = server_->ensure_running(limits); !running) return running.error();
  std::string conninfo = server_ ? server_->conninfo() : conninfo_;
  auto connection = PgConnection::open(conninfo, application_name_, nullptr, limits);
  if (!connection) return connection.error();
  if (auto lifted = prepare_session(*connection); !lifted) return lifted.error();
  return Reached{*std::move(connection), std::move(conninfo)};
}

void DatabaseAccess::adopt(Reached reached) {
  WaitLimits limits = connection_->wait_limits();
  *connection_ = std::move(reached.connection);
  connection_->set_wait_limits(std::move(limits));
  conninfo_ = std::move(reached.conninfo);
}

std::string DatabaseAccess::worker_conninfo() const {
  return server_ ? server_->worker_conninfo() : conninfo_;
}

std::string DatabaseAccess::description() const {
  return server_ ? "embedded PostgreSQL" : describe_database(conninfo_);
}

}  // namespace forkdex
