#pragma once

// An embedded PostgreSQL of one test case, for whoever wants to kill it. Stopped when destroyed.

#include <string>
#include <vector>

#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {

class OwnServer {
 public:
  OwnServer() = default;
  ~OwnServer();
  OwnServer(const OwnServer&) = delete;
  OwnServer& operator=(const OwnServer&) = delete;

  /// `supervisor` with this server as its embedded one.
  Command command(const std::vector<std::string>& arguments) const;
  Ended run(const std::vector<std::string>& arguments) const;

  /// Starts the server, pinned. Returns its URL. Throws when it does not start.
  std::string start() const;

  /// The server's first process, as it noted it; 0 when there is no note.
  int postmaster() const;
  /// The server's other processes.
  std::vector<int> backends() const;

 private:
  TemporaryFolder data_;
};

}  // namespace forkdex::test
