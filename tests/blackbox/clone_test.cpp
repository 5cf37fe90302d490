// Repositories elsewhere: cloned by git into the data folder, brought up to date by every run, and
// never a word of who fetched them.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tests/blackbox/clone_fixture.h"
#include "tests/support/database.h"
#include "tests/support/git_tree.h"
#include "tests/support/http_files.h"
#include "tests/support/index_run.h"
#include "tests/support/processes.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait_until.h"

namespace forkdex::test {
namespace {

TEST_CASE("clone: a URL is cloned once, and every run brings it up to date") {
  const Elsewhere there;
  const std::string name = there.origin.path().filename().string();
  const IndexRun first = there.index(there.url());
  CHECK(there.definitions() == Strings{"a.py a", "src/b.py b"});
  CHECK(first.report.at("repository") == name);
  CHECK(first.report.at("root") == there.url());
  CHECK(first.report.at("head") == git(there.origin.path(), {"rev-parse", "HEAD"}));
  CHECK(number(first, "commits", "written") == 1);
  CHECK(there.clones(true).size() == 1);
  CHECK(there.clones(false) == Strings());
  CHECK(there.database.rows("SELECT root, remote FROM forkdex.repositories") ==
        std::vector<Row>{{there.url(), there.url()}});

  for (const std::string& same : {there.url(), there.url() + "/"}) {
    const IndexRun again = there.index(same);
    CHECK(number(again, "files", "unchanged") == 2);
    CHECK(number(again, "workers", "started") == 0);
  }

  there.commit("src/c.py", function("c"));
  const IndexRun third = there.index(there.url());
  CHECK(number(third, "files", "indexed") == 1);
  CHECK(number(third, "chunks", "embedded") == 2);  // its source and its name
  CHECK(there.definitions() == Strings{"a.py a", "src/b.py b", "src/c.py c"});
}

TEST_CASE("clone: rewritten history and branches that are gone are followed") {
  const Elsewhere there;
  git(there.origin.path(), {"branch", "topic"});
  there.commit("src/b.py", function("b_again"));
  there.index(there.url());
  CHECK(there.definitions() == Strings{"a.py a", "src/b.py b_again"});
  git(there.origin.path(), {"reset", "-q", "--hard", "topic"});
  there.commit("src/d.py", function("d"));
  const IndexRun rewritten = there.index(there.url());
  CHECK(there.definitions() == Strings{"a.py a", "src/b.py b", "src/d.py d"});
  CHECK(rewritten.report.at("head") == git(there.origin.path(), {"rev-parse", "HEAD"}));

  there.index(there.url(), 0, {"--rev", "topic"});
  CHECK(there.definitions() == Strings{"a.py a", "src/b.py b"});
  git(there.origin.path(), {"branch", "-q", "-m", "topic", "topic/renamed"});
  const IndexRun gone = there.index(there.url(), 64, {"--rev", "topic"});
  CHECK(gone.ended.err.find("there is no commit topic in " + there.url()) != std::string::npos);
  there.index(there.url(), 0, {"--rev", "topic/renamed"});

  git(there.origin.path(), {"checkout", "-q", "-b", "trunk"});  // the remote's HEAD is another
  there.commit("t.py", function("t"));
  there.index(there.url());
  CHECK(there.definitions() == Strings{"a.py a", "src/b.py b", "src/d.py d", "t.py t"});
}

TEST_CASE("clone: remove deletes it, status shows the URL") {
  const Elsewhere there;
  there.index(there.url(), 0, {"--repository", "far"});
  Command command = supervisor_command({"status", "far"});
  command.environment["DATABASE_URL"] = there.database.url();
  command.environment["XDG_DATA_HOME"] = there.data.path().string();
  const Ended status = run(command);
  CHECK(status.out.find("root      " + there.url()) != std::string::npos);
  CHECK(there.clones(true).size() == 1);
  command.arguments = supervisor_command({"remove", "far"}).arguments;
  const Ended removed = run(command);
  INFO(removed.text());
  CHECK(removed.status == 0);
  CHECK(fs::is_empty(there.data / "forkdex/clones"));
  there.index(there.url());
  CHECK(there.definitions() == Strings{"a.py a", "src/b.py b"});
}

TEST_CASE("clone: a run that is refused leaves none that nobody refers to") {
  const Elsewhere there;
  there.index(there.url(), 64, {"--rev", "no-such-branch"});
  CHECK(fs::is_empty(there.data / "forkdex/clones"));

  const std::string head = git(there.origin.path(), {"symbolic-ref", "HEAD"});
  git(there.origin.path(), {"symbolic-ref", "HEAD", "refs/heads/mistyped"});
  there.index(there.url(), 69);
  CHECK(fs::is_empty(there.data / "forkdex/clones"));
  git(there.origin.path(), {"symbolic-ref", "HEAD", head});
  there.index("file:///nonexistent/x.git", 69);
  CHECK(fs::is_empty(there.data / "forkdex/clones"));
  there.index(there.url(), 69, {"--code-model", (there.folder / "no-model").string()});
  CHECK(fs::is_empty(there.data / "forkdex/clones"));

  const TemporaryFolder other;
  other.write("x.py", function("x"));
  there.index(other.path().string(), 0, {"--repository", "taken"});
  there.index(there.url(), 64, {"--repository", "taken"});
  CHECK(fs::is_empty(there.data / "forkdex/clones"));
  // One that was there stays.
  there.index(there.url(), 0, {"--repository", "mine"});
  there.index(there.url(), 64, {"--repository", "taken"});
  there.index(there.url(), 64, {"--repository", "mine", "--rev", "no-such-branch"});
  there.index(there.url(), 69, {"--code-model", (there.folder / "no-model").string()});
  CHECK(there.clones(true).size() == 1);
}

TEST_CASE("clone: a HEAD that names a branch the remote does not have empties nothing") {
  const Elsewhere there;
  there.index(there.url());
  git(there.origin.path(), {"symbolic-ref", "HEAD", "refs/heads/mistyped"});
  const IndexRun refused = there.index(there.url(), 69);
  CHECK(refused.ended.err.find("names a branch that it does not have") != std::string::npos);
  CHECK(there.definitions() == Strings{"a.py a", "src/b.py b"});
  CHECK(number(there.index(there.url(), 0, {"--rev", "main"}), "files", "unchanged") == 2);
}

TEST_CASE("clone: shallow, empty and bare sources work, submodules are skipped") {
  const Elsewhere there;
  const TemporaryFolder beside;
  there.commit("src/c.py", function("c"));
  git(beside.path(), {"clone", "-q", "--depth", "1", there.url(), "shallow"});
  there.index("file://" + (beside / "shallow").string());
  CHECK(there.definitions() == Strings{"a.py a", "src/b.py b", "src/c.py c"});
  CHECK(there.database.value("SELECT count(*) FROM forkdex.commits") == "1");
  there.index("file://" + (beside / "shallow").string());
  git(beside / "shallow", {"fetch", "-q", "--unshallow"});
  there.index("file://" + (beside / "shallow").string());
  CHECK(there.database.value("SELECT count(*) FROM forkdex.commits") == "2");
  CHECK(there.database.value("SELECT last_commit FROM forkdex.files WHERE path = 'a.py'") ==
        git(there.origin.path(), {"rev-parse", "HEAD~1"}));

  git(beside.path(), {"init", "-q", "--bare", "empty.git"});
  const std::string empty = "file://" + (beside / "empty.git").string();
  CHECK(there.index(empty).ended.err.find("run.nothing_to_index") != std::string::npos);
  git(there.origin.path(), {"push", "-q", empty, "main"});
  CHECK(number(there.index(empty), "files", "total") == 3);

  git(there.origin.path(), {"submodule", "--quiet", "add", empty, "lib"});
  git(there.origin.path(), {"commit", "-q", "-m", "library"});
  there.index(there.url(), 0, {"--repository", "with"});
  CHECK(there.database.value("SELECT reason FROM forkdex.files WHERE path = 'lib'") == "submodule");
}

TEST_CASE("clone: git's words end the run with 69, a URL that is none with 64") {
  const Elsewhere there;
  const IndexRun missing = there.index("file:///nonexistent/x.git", 69);
  CHECK(missing.ended.err.find("git could not fetch file:///nonexistent/x.git") !=
        std::string::npos);
  CHECK(missing.ended.err.find("does not appear to be a git repository") != std::string::npos);
  CHECK(std::count(missing.ended.err.begin(), missing.ended.err.end(), '\n') == 1);
  CHECK(there.clones(true) == Strings());
  CHECK(there.clones(false) == Strings());
  const fs::path proof = there.folder / "proof";
  for (const std::string& url :
       {"ext::sh -c 'touch " + proof.string() + "' x://y", "ext::touch " + proof.string(),
        std::string("-c://x"), std::string("ssh://-oProxyCommand=touch/x"),
        std::string("ftp://h/x.git")}) {
    Command command = there.command(url);
    command.arguments.insert(command.arguments.end() - 1, "--");
    const Ended refused = run(command);
    INFO(refused.text());
    CHECK(refused.status == 64);
  }
  CHECK_FALSE(fs::exists(proof));
  Command command = there.command(there.url());
  command.environment["PATH"] = there.folder.path().string();
  const Ended without = run(command);
  CHECK(without.status == 69);
  CHECK(without.err.find("install git") != std::string::npos);
}

/// A port of loopback that was free a moment ago.
int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(::bind(fd, generic, size) == 0);
  REQUIRE(::getsockname(fd, generic, &size) == 0);
  ::close(fd);
  return ntohs(address.sin_port);
}

TEST_CASE("clone: git's own protocol is spoken") {
  const Elsewhere there;
  const int port = free_port();
  Command command = git_command(there.origin.path(),
                                {"daemon", "--export-all", "--reuseaddr", "--listen=127.0.0.1",
                                 "--port=" + std::to_string(port),
                                 "--base-path=" + there.origin.path().parent_path().string()});
  // Not through git, whose child it would be.
  command.arguments[0] = git(there.folder.path(), {"--exec-path"}) + "/git-daemon";
  command.arguments.erase(
      command.arguments.begin() + 1,
      std::find(command.arguments.begin(), command.arguments.end(), "daemon") + 1);
  Program daemon(command);
  const std::string url = "git://127.0.0.1:" + std::to_string(port) + "/" +
                          there.origin.path().filename().string() + "/.git";
  wait_until(
      "git daemon answers",
      [&] { return run(git_command(there.folder.path(), {"ls-remote", "-q", url})).status == 0; },
      [&] { return daemon.err(); });
  there.index(url, 0, {"--repository", "spoken"});
  CHECK(there.definitions() == Strings{"a.py a", "src/b.py b"});
  daemon.signal(SIGTERM);
  daemon.wait();
}

constexpr const char* kPassword = "hunter2-s3cret";
constexpr const char* kBasic = "Basic bWU6aHVudGVyMi1zM2NyZXQ=";  // me:hunter2-s3cret

/// Fails if a process other than ours says the password in its arguments or environment.
void check_silent(int supervisor) {
  std::vector<ProcessInfo> all = descendants(supervisor);
  for (const ProcessInfo& info : all) {
    INFO(info.name << ": " << info.command);
    REQUIRE(info.command.find(kPassword) == std::string::npos);
    REQUIRE(info.command.find("bWU6") == std::string::npos);
    if (!info.name.starts_with("git")) continue;
    const std::string environment = proc_file(info.pid, "environ");
    REQUIRE(environment.find(kPassword) == std::string::npos);
    REQUIRE(environment.find("bWU6") == std::string::npos);
  }
  REQUIRE(proc_file(supervisor, "cmdline").find(kPassword) == std::string::npos);
}

TEST_CASE("clone: a password in the URL reaches the server, and nothing else") {
  const Elsewhere there;
  const TemporaryFolder web;
  git(web.path(), {"clone", "-q", "--bare", there.url(), "x.git"});
  git(web / "x.git", {"update-server-info"});
  HttpFiles server(web.path(), kBasic);
  const std::string host = "127.0.0.1:" + std::to_string(server.port()) + "/x.git";
  const std::string with_password = std::string("http://me:") + kPassword + "@" + host;
  server.hold();
  Program program(there.command(with_password, {"--verbose", "--progress", "json"}));
  wait_until("git asks the server", [&] { return server.waiting() > 0; });
  const auto running = descendants(program.pid());
  CHECK(std::any_of(running.begin(), running.end(), [](const ProcessInfo& info) {
    return info.command.find("remote-http") != std::string::npos;
  }));
  check_silent(program.pid());
  server.go_on();
  while (program.running()) check_silent(program.pid());
  const Ended ended = program.wait();
  INFO(ended.text());
  REQUIRE(ended.status == 0);
  CHECK(server.served() > 0);
  CHECK(server.refused() == 0);
  CHECK(there.definitions() == Strings{"a.py a", "src/b.py b"});
  CHECK(ended.text().find(kPassword) == std::string::npos);
  CHECK(read_file(there.report()).find(kPassword) == std::string::npos);
  CHECK(there.database.value("SELECT root FROM forkdex.repositories") == "http://" + host);
  for (const char* table : {"repositories", "files", "runs"})
    CHECK(there.database.value(std::string("SELECT count(*) FROM forkdex.") + table +
                               " AS row WHERE row::text ~ 'hunter2|bWU6|me:|me@'") == "0");
  for (const auto& entry : fs::recursive_directory_iterator(there.data.path()))
    if (entry.is_regular_file()) {
      const std::string bytes = read_file(entry.path());
      CHECK(bytes.find(kPassword) == std::string::npos);
      CHECK(bytes.find("bWU6") == std::string::npos);
    }
  // Refused, git says so without the password.
  const Ended refused =
      run(there.command(std::string("http://me:wrong-") + kPassword + "@" + host));
  INFO(refused.text());
  CHECK(refused.status == 69);
  CHECK(refused.err.find("git could not fetch http://" + host) != std::string::npos);
  CHECK(refused.text().find(kPassword) == std::string::npos);
  // A name alone is for git's helpers.
  Command helped = there.command("http://me@" + host);
  helped.environment["GIT_CONFIG_COUNT"] = "1";
  helped.environment["GIT_CONFIG_KEY_0"] = "credential.helper";
  helped.environment["GIT_CONFIG_VALUE_0"] = "!echo password=" + std::string(kPassword) + " #";
  const Ended by_helper = run(helped);
  INFO(by_helper.text());
  CHECK(by_helper.status == 0);
}

}  // namespace
}  // namespace forkdex::test
