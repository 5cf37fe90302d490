// Variables and files of the user's other programs, which forkdex may not be led astray by.

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/git_tree.h"
#include "tests/support/own_server.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;

/// What libpq's documentation and sources name, each with a value that makes a connection to the
/// embedded server fail, or changes its session, wherever that is possible.
const std::map<std::string, std::string> kLibpqVariables = {
    {"PGAPPNAME", "other"},
    {"PGCHANNELBINDING", "require"},
    {"PGCLIENTENCODING", "nonsense"},
    {"PGCONNECT_TIMEOUT", "soon"},
    {"PGDATA", "/nonexistent"},
    {"PGDATABASE", "nonexistent"},
    {"PGDATESTYLE", "nonsense"},
    {"PGGEQO", "nonsense"},
    {"PGGSSDELEGATION", "1"},
    {"PGGSSENCMODE", "require"},
    {"PGGSSLIB", "nonsense"},
    {"PGHOST", "192.0.2.1"},
    {"PGHOSTADDR", "192.0.2.1"},
    {"PGKRBSRVNAME", "nonsense"},
    {"PGLOADBALANCEHOSTS", "nonsense"},
    {"PGLOCALEDIR", "/nonexistent"},
    {"PGMAXPROTOCOLVERSION", "nonsense"},
    {"PGMINPROTOCOLVERSION", "nonsense"},
    {"PGOAUTHDEBUG", "UNSAFE"},
    {"PGOPTIONS", "-c search_path=nonexistent -c default_transaction_read_only=on"},
    {"PGPASSFILE", "/dev/zero"},
    {"PGPASSWORD", "secret"},
    {"PGPORT", "1"},
    {"PGREALM", "nonsense"},
    {"PGREQUIREAUTH", "scram-sha-256"},
    {"PGREQUIREPEER", "nobody-of-this-name"},
    {"PGREQUIRESSL", "1"},
    {"PGSERVICE", "nonexistent"},
    {"PGSERVICEFILE", "/nonexistent"},
    {"PGSSLCERT", "/nonexistent"},
    {"PGSSLCERTMODE", "require"},
    {"PGSSLCOMPRESSION", "nonsense"},
    {"PGSSLCRL", "/nonexistent"},
    {"PGSSLCRLDIR", "/nonexistent"},
    {"PGSSLKEY", "/nonexistent"},
    {"PGSSLKEYLOGFILE", "/nonexistent/log"},
    {"PGSSLMAXPROTOCOLVERSION", "nonsense"},
    {"PGSSLMINPROTOCOLVERSION", "nonsense"},
    {"PGSSLMODE", "nonsense"},
    {"PGSSLNEGOTIATION", "nonsense"},
    {"PGSSLROOTCERT", "/nonexistent"},
    {"PGSSLSNI", "nonsense"},
    {"PGSYSCONFDIR", "/nonexistent"},
    {"PGTARGETSESSIONATTRS", "standby"},
    {"PGTZ", "Nowhere/Nonsense"},
    {"PGUSER", "nobody-of-this-name"},
};

/// A home whose files would lead a client of PostgreSQL astray.
struct HostileHome : TemporaryFolder {
  HostileHome() {
    write(".pgpass", "*:*:*:*:secret\n");
    fs::permissions(path() / ".pgpass", fs::perms(0644));  // libpq warns of it
    write(".pg_service.conf", "[forkdex]\nport=1\n");
    write(".postgresql/root.crt", "nonsense");
  }
};

TEST_CASE("embedded database: each of libpq's variables -> a command answers as without it") {
  const OwnServer server;
  server.start();
  const Ended undisturbed = server.run({"status"});
  REQUIRE(undisturbed.status == 0);
  for (const auto& [name, value] : kLibpqVariables) {
    Command status = server.command({"status"});
    status.environment[name] = value;
    const Ended ended = run(status);
    INFO(name << "=" << value << ": " << ended.text());
    CHECK(ended.status == 0);
    CHECK(ended.out == undisturbed.out);
    CHECK(ended.err.empty());
  }
}

TEST_CASE(
    "embedded database: all of libpq's variables and files -> it is made, indexed into, asked",
    "[shallow]") {
  const OwnServer server;
  const HostileHome home;
  TemporaryFolder tree;
  tree.write("area.py", "def area(radius):\n    return 3.14 * radius ** 2\n");
  const auto hostile = [&](const std::vector<std::string>& words) {
    Command command = server.command(words);
    command.environment.insert(kLibpqVariables.begin(), kLibpqVariables.end());
    command.environment["HOME"] = home.path().string();
    command.environment["LANG"] = "tr_TR.UTF-8";
    command.environment["TZ"] = "Nowhere/Nonsense";
    command.environment["LC_ALL"] = "xx_XX.nonsense";
    const Ended ended = run(command);
    INFO(ended.text());
    CHECK(ended.status == 0);
    CHECK(ended.err.find("WARNING") == std::string::npos);
    return ended;
  };
  const std::string url = hostile({"database", "start"}).out;
  hostile({"index", tree.path().string(), "--repository", "r"});
  CHECK(hostile({"search", "--json", "area of a circle"}).out.find("\"area\"") !=
        std::string::npos);
  CHECK(hostile({"database", "url"}).out == url);
  hostile({"failures", "r"});
  hostile({"doctor"});
  const Database database(url.substr(0, url.find('\n')));
  CHECK(database.value("SELECT count(*) FROM forkdex.chunks") == "1");
  hostile({"remove", "r"});
  CHECK(database.value("SELECT count(*) FROM forkdex.repositories") == "0");
}

TEST_CASE("named database: libpq's variables fill in what its URL leaves out") {
  const Database database;
  Command status = supervisor_command({"status"});
  status.environment["DATABASE_URL"] = "postgresql:///" + database.name();
  const Ended refused = run(status);
  INFO(refused.text());
  CHECK(refused.status == 69);
  const std::string& url = database.url();
  const std::size_t host = url.find("host=") + 5;
  std::string folder = url.substr(host, url.find('&', host) - host);
  for (std::size_t at = 0; (at = folder.find("%2F")) != std::string::npos;)
    folder.replace(at, 3, "/");
  status.environment["PGHOST"] = folder;
  status.environment["PGPORT"] = "5432";
  status.environment["PGUSER"] = "forkdex";
  const Ended ended = run(status);
  INFO(ended.text());
  CHECK(ended.status == 0);
}

/// Variables that a hook, an alias or a user may have set for another repository, or for new ones.
const std::map<std::string, std::string> kGitVariables = {
    {"GIT_ALTERNATE_OBJECT_DIRECTORIES", "/nonexistent"},
    {"GIT_ATTR_SOURCE", "nonsense"},
    {"GIT_COMMON_DIR", "/nonexistent"},
    {"GIT_CONFIG", "/nonexistent"},
    {"GIT_CONFIG_PARAMETERS", "nonsense"},
    {"GIT_DEFAULT_HASH", "sha256"},
    {"GIT_DEFAULT_REF_FORMAT", "reftable"},
    {"GIT_DIR", "/nonexistent"},
    {"GIT_GRAFT_FILE", "/nonexistent"},
    {"GIT_IMPLICIT_WORK_TREE", "0"},
    {"GIT_INDEX_FILE", "/nonexistent"},
    {"GIT_INTERNAL_SUPER_PREFIX", "nonsense/"},
    {"GIT_NAMESPACE", "nonsense"},
    {"GIT_NO_REPLACE_OBJECTS", "1"},
    {"GIT_OBJECT_DIRECTORY", "/nonexistent"},
    {"GIT_PREFIX", "nonsense/"},
    {"GIT_QUARANTINE_PATH", "/nonexistent"},
    {"GIT_REPLACE_REF_BASE", "refs/nonsense/"},
    {"GIT_SHALLOW_FILE", "/nonexistent"},
    {"GIT_TEMPLATE_DIR", "/nonexistent"},
    {"GIT_WORK_TREE", "/nonexistent"},
};

/// Keys of the user's configuration, likewise.
const std::map<std::string, std::string> kGitConfiguration = {
    {"safe.bareRepository", "explicit"},    {"init.defaultBranch", "not..a..branch"},
    {"init.defaultObjectFormat", "sha256"}, {"init.defaultRefFormat", "reftable"},
    {"init.templateDir", "/nonexistent"},   {"core.hooksPath", "/nonexistent"},
    {"core.sharedRepository", "group"},     {"fetch.recurseSubmodules", "true"},
    {"fetch.writeCommitGraph", "true"},     {"feature.experimental", "true"},
    {"feature.manyFiles", "true"},          {"pack.indexVersion", "1"},
};

/// A repository that is cloned and fetched again, without a worker: its only file is no text.
struct Remote {
  Remote() {
    origin.write("a.bin", std::string(3, '\0'));
    make_repository(origin.path());
  }

  Command index(const std::string& from) const {
    Command command = supervisor_command(
        {"index", from, "--repository", "r", "--no-commits", "--database-url", database.url()});
    command.environment["GIT_CONFIG_NOSYSTEM"] = "1";
    command.environment["GIT_CONFIG_GLOBAL"] = "/dev/null";
    return command;
  }
  std::string url() const { return "file://" + origin.path().string(); }

  /// Clones it, and fetches a commit that it then has, as `command` says.
  void check_clone(Command command) const {
    const TemporaryFolder data;
    command.environment["XDG_DATA_HOME"] = data.path().string();
    for (int time = 0; time < 2; ++time) {
      const Ended ended = run(command);
      INFO(ended.text());
      REQUIRE(ended.status == 0);
      CHECK(database.value("SELECT head FROM forkdex.repositories") ==
            git(origin.path(), {"rev-parse", "HEAD"}));
      git(origin.path(), {"commit", "-q", "--allow-empty", "-m", "more"});
    }
  }

  TemporaryFolder origin;
  Database database;
};

TEST_CASE("clone: git's configuration for new repositories, and a strict one -> made and fetched") {
  const Remote remote;
  const TemporaryFolder home;
  Command by_variables = remote.index(remote.url());
  Command by_file = by_variables;
  std::string file;
  int count = 0;
  for (const auto& [key, value] : kGitConfiguration) {
    const std::string number = std::to_string(count++);
    by_variables.environment["GIT_CONFIG_KEY_" + number] = key;
    by_variables.environment["GIT_CONFIG_VALUE_" + number] = value;
    const std::size_t dot = key.find('.');
    file += "[" + key.substr(0, dot) + "]\n" + key.substr(dot + 1) + " = " + value + "\n";
  }
  by_variables.environment["GIT_CONFIG_COUNT"] = std::to_string(count);
  home.write("config", file);
  by_file.environment["GIT_CONFIG_GLOBAL"] = (home / "config").string();
  remote.check_clone(by_variables);
  remote.check_clone(by_file);
}

TEST_CASE(
    "clone: the git that is run has none of these variables, and formats that libgit2 reads") {
  const Remote remote;
  const TemporaryFolder folder;
  folder.write("git",
               "#!/bin/sh\nenv >> " + (folder / "seen").string() + "\nexec /usr/bin/git \"$@\"\n");
  fs::permissions(folder / "git", fs::perms(0755));
  Command command = remote.index(remote.url());
  command.environment.insert(kGitVariables.begin(), kGitVariables.end());
  command.environment["PATH"] = folder.path().string() + ":/usr/bin:/bin";
  remote.check_clone(command);
  const std::string seen = "\n" + read_file(folder / "seen");
  for (const auto& [name, value] : kGitVariables) {
    INFO(name);
    const bool given = name.starts_with("GIT_DEFAULT_");
    CHECK((seen.find("\n" + name + "=") != std::string::npos) == given);
    CHECK(seen.find("\n" + name + "=" + value + "\n") == std::string::npos);
  }
  CHECK(seen.find("\nGIT_DEFAULT_HASH=sha1\n") != std::string::npos);
  CHECK(seen.find("\nGIT_DEFAULT_REF_FORMAT=files\n") != std::string::npos);
}

TEST_CASE(
    "work tree: git's variables for other repositories -> its files are listed all the same") {
  const Remote remote;
  remote.origin.write("b.bin", std::string(3, '\0'));
  Command command = remote.index(remote.origin.path().string());
  command.environment.insert(kGitVariables.begin(), kGitVariables.end());
  command.environment["GIT_CEILING_DIRECTORIES"] = remote.origin.path().string();
  const Ended ended = run(command);
  INFO(ended.text());
  CHECK(ended.status == 0);
  CHECK(remote.database.value("SELECT string_agg(path, ' ' ORDER BY path) FROM forkdex.files") ==
        "a.bin b.bin");
  CHECK(remote.database.value("SELECT head FROM forkdex.repositories") ==
        git(remote.origin.path(), {"rev-parse", "HEAD"}));
}

}  // namespace
}  // namespace forkdex::test
