// PgBouncer between forkdex and the server.

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/program.h"
#include "tests/support/skip.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait_until.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;

constexpr const char* kProgram = "/usr/sbin/pgbouncer";
constexpr int kUnavailable = 69;

struct Pool {
  std::string mode;
  int size = 20;
  int round_robin = 0;
};

/// A PgBouncer before the server of `database`.
class PgBouncer {
 public:
  PgBouncer(const Database& database, const Pool& pool) : database_(database) {
    fs::permissions(folder_.path(), fs::perms::all);
    const std::string& url = database.url();
    const std::size_t host = url.find("host=") + 5;
    std::string socket = url.substr(host, url.find('&', host) - host);
    for (std::size_t at = 0; (at = socket.find("%2F")) != std::string::npos;)
      socket.replace(at, 3, "/");
    folder_.write("pgbouncer.ini",
                  "[databases]\n* = host=" + socket +
                      " port=5432 user=forkdex\n"
                      "[pgbouncer]\nlisten_addr =\nauth_type = any\nunix_socket_dir = " +
                      folder_.path().string() + "\nlisten_port = 6432\npool_mode = " + pool.mode +
                      "\ndefault_pool_size = " + std::to_string(pool.size) +
                      "\nserver_round_robin = " + std::to_string(pool.round_robin) +
                      "\nignore_startup_parameters = extra_float_digits,options\n");
    Command command;
    command.arguments = {kProgram, "-q", (folder_ / "pgbouncer.ini").string()};
    // It refuses root; the server admits its own user.
    if (::geteuid() == 0)
      command.arguments.insert(command.arguments.begin() + 1, {"-u", "forkdex"});
    program_.emplace(command);
    wait_until(
        "PgBouncer listens", [&] { return answers(); },
        [&] { return program_->err() + program_->out(); });
  }

  std::string url() const {
    return with_parameters(database_.url(), {{"host", folder_.path().string()}, {"port", "6432"}});
  }

  static bool is_installed() {
    if (::access(kProgram, X_OK) == 0) return true;
    skip("pgbouncer is not installed");
    return false;
  }

 private:
  bool answers() const try {
    const Connection connection(url());
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }

  const Database& database_;
  TemporaryFolder folder_;
  std::optional<Program> program_;
};

TEST_CASE("pooler: sessions that are shared -> refused in seconds, and no lock is left",
          "[shallow]") {
  if (!PgBouncer::is_installed()) return;
  const TemporaryFolder tree;
  tree.write("a.txt", "a\n");
  for (const Pool& pool : {Pool{"transaction"}, Pool{"transaction", 1}, Pool{"transaction", 2},
                           Pool{"transaction", 20, 1}, Pool{"transaction", 1, 1}, Pool{"statement"},
                           Pool{"statement", 1}}) {
    const Database database;
    const PgBouncer pooler(database, pool);
    // Sessions that others have used wait in the pool, where there is room for them.
    if (pool.mode == "transaction") {
      std::vector<Connection> others;
      for (int i = 0; i < std::min(pool.size, 3); ++i) {
        others.emplace_back(pooler.url());
        others.back().rows("BEGIN");
      }
      for (Connection& other : others) other.rows("COMMIT");
    }
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"index", tree.path().string(), "--repository", "r"},
          {"status"},
          {"search", "a"}}) {
      std::vector<std::string> all = words;
      all.insert(all.end(), {"--database-url", pooler.url()});
      const Ended refused = run(supervisor_command(all));
      INFO(pool.mode << " " << pool.size << " " << pool.round_robin << " " << refused.text());
      CHECK(refused.status == kUnavailable);
      CHECK(refused.err.find("pool_mode") != std::string::npos);
      CHECK(refused.elapsed.count() < 10);
      CHECK(database.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "0");
    }
    const Ended direct = supervisor(
        {"index", tree.path().string(), "--repository", "r", "--database-url", database.url()});
    INFO(direct.text());
    CHECK(direct.status == 0);
  }
}

TEST_CASE("pooler: sessions kept for a connection -> a run as over the server itself",
          "[shallow]") {
  if (!PgBouncer::is_installed()) return;
  const TemporaryFolder tree;
  tree.write("a.txt", "a\n");
  for (const int size : {20, 3}) {
    const Database database;
    const PgBouncer pooler(database, {"session", size});
    for (const char* expected : {"indexed", "unchanged"}) {
      const Ended ended = supervisor({"index", tree.path().string(), "--repository", "r",
                                      "--workers", "1", "--database-url", pooler.url()});
      INFO(expected << ", size " << size << ": " << ended.text());
      CHECK(ended.status == 0);
    }
    CHECK(database.value("SELECT state FROM forkdex.files") == "indexed");
  }
}

TEST_CASE("pooler: one session, kept for a connection -> a command that needs one works") {
  if (!PgBouncer::is_installed()) return;
  const Database database;
  const PgBouncer pooler(database, {"session", 1});
  const Ended ended = supervisor({"status", "--database-url", pooler.url()});
  INFO(ended.text());
  CHECK(ended.status == 0);
  CHECK(ended.elapsed.count() < 10);
}

}  // namespace
}  // namespace forkdex::test
