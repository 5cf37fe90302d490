#include "tests/support/own_server.h"

#include <fstream>
#include <stdexcept>

#include "tests/support/processes.h"

namespace forkdex::test {

OwnServer::~OwnServer() { run({"database", "stop"}); }

Command OwnServer::command(const std::vector<std::string>& arguments) const {
  Command command = supervisor_command(arguments);
  command.environment["XDG_DATA_HOME"] = data_.path().string();
  return command;
}

Ended OwnServer::run(const std::vector<std::string>& arguments) const {
  return test::run(command(arguments));
}

std::string OwnServer::start() const {
  const Ended started = run({"database", "start"});
  if (started.status != 0) throw std::runtime_error("database start: " + started.text());
  return started.out.substr(0, started.out.find('\n'));
}

int OwnServer::postmaster() const {
  std::ifstream file(data_.path() / "forkdex/postgresql/postmaster.pid");
  int pid = 0;
  file >> pid;
  return pid;
}

std::vector<int> OwnServer::backends() const {
  const int parent = postmaster();
  std::vector<int> pids;
  for (const ProcessInfo& info : all_processes())
    if (parent > 0 && info.parent == parent) pids.push_back(info.pid);
  return pids;
}

}  // namespace forkdex::test
