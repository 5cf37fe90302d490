// A WorkerProcess around shell scripts: what a child finds, and how its end is told.

#include "supervisor/fleet/worker_process.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>

#include "tests/support/wait_until.h"

using namespace forkdex;
namespace fs = std::filesystem;

namespace {

struct Script {
  explicit Script(const std::string& body) {
    std::string name = (fs::temp_directory_path() / "forkdex-script-XXXXXX").string();
    folder = ::mkdtemp(name.data());
    std::ofstream(path()) << "#!/bin/sh\n" << body << "\n";
    fs::permissions(path(), fs::perms::owner_all);
  }
  ~Script() { fs::remove_all(folder); }
  fs::path path() const { return folder / "script"; }
  std::string written(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(folder / name).rdbuf();
    return text.str();
  }
  fs::path folder;
};

/// Runs `script` to its end; `started` may act on it in between.
ExitCause run(
    const Script& script,
    const std::function<void(WorkerProcess&)>& started = [](WorkerProcess&) {}) {
  boost::asio::io_context context;
  ExitCause end = Exited{-1};
  auto worker = WorkerProcess::spawn(context, script.path(), WorkerSetup{},
                                     {.woke = [] {},
                                      .exited =
                                          [&](const ExitCause& cause) {
                                            end = cause;
                                            context.stop();
                                          }});
  REQUIRE(worker.ok());
  started(**worker);
  context.run();
  return end;
}

}  // namespace

TEST_CASE("worker process: the exit status arrives", "[fleet]") {
  CHECK(describe(run(Script("exit 9"))) == "exited with status 9");
}

TEST_CASE("worker process: a signal arrives as a signal", "[fleet]") {
  CHECK(describe(run(Script("kill -SEGV $$"))).find("signal 11") != std::string::npos);
}

TEST_CASE("worker process: what we killed is told with our reason", "[fleet]") {
  const auto cause = run(Script("while :; do :; done"), [](WorkerProcess& worker) {
    worker.kill(KilledByUs{"it took too long"});
  });
  CHECK(describe(cause) == "was ended: it took too long");
}

TEST_CASE("worker process: nothing of it is left when the object is gone", "[fleet][kill]") {
  // What it has in memory takes the kernel a while to give back.
  const Script script(
      "exec /usr/bin/python3 -c 'import os, sys\nx = bytearray(1 << 28)\n"
      "open(os.path.dirname(sys.argv[1]) + \"/up\", \"w\")\n"
      "while True: pass' \"$0\"");
  boost::asio::io_context context;
  auto worker = WorkerProcess::spawn(context, script.path(), WorkerSetup{},
                                     {.woke = [] {}, .exited = [](const ExitCause&) {}});
  REQUIRE(worker.ok());
  test::wait_until("it holds its memory", [&] { return fs::exists(script.folder / "up"); });
  const pid_t pid = (*worker)->pid();
  worker->reset();
  CHECK(::kill(pid, 0) != 0);
  CHECK(errno == ESRCH);
}

TEST_CASE("worker process: the child finds its descriptors and no others", "[fleet]") {
  const Script script("cd $(dirname $0); ls -l /proc/$$/fd > fds; readlink /proc/$$/fd/3 > three");
  CHECK(describe(run(script)) == "exited with status 0");
  CHECK(script.written("three").find("forkdex-jobs") != std::string::npos);
  std::istringstream lines(script.written("fds"));
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);) count += line.find("->") != std::string::npos;
  // stdin, stdout, stderr and four of ours; the shell adds its script and what it saves of stdout.
  INFO(script.written("fds"));
  CHECK(count <= 9);
  CHECK(count >= 7);
}

TEST_CASE("worker process: no database secret stands in the child's environment", "[fleet]") {
  ::setenv("DATABASE_URL", "postgresql://u:secret@h/d", 1);
  ::setenv("PGPASSWORD", "secret", 1);
  const Script script("cd $(dirname $0); env > environment; cat /proc/$$/cmdline > arguments");
  CHECK(describe(run(script)) == "exited with status 0");
  ::unsetenv("DATABASE_URL");
  ::unsetenv("PGPASSWORD");
  CHECK(script.written("environment").find("secret") == std::string::npos);
  CHECK(script.written("environment").find("OMP_NUM_THREADS=1") != std::string::npos);
  CHECK(script.written("arguments").find("secret") == std::string::npos);
}

TEST_CASE("worker process: stands in a session of its own, so Ctrl-C does not reach it",
          "[fleet]") {
  const Script script("cd $(dirname $0); cut -d' ' -f1,6 /proc/$$/stat > session");
  CHECK(describe(run(script)) == "exited with status 0");
  std::istringstream fields(script.written("session"));
  long pid = 0;
  long session = -1;
  fields >> pid >> session;
  CHECK(pid == session);
}

TEST_CASE("worker process: keeps the tail of its stderr", "[fleet]") {
  std::string words;
  const Script script("echo the model is haunted >&2; while :; do :; done");
  boost::asio::io_context context;
  auto worker = WorkerProcess::spawn(context, script.path(), WorkerSetup{},
                                     {.woke = [] {}, .exited = [](const ExitCause&) {}});
  REQUIRE(worker.ok());
  while ((*worker)->stderr_tail().empty()) context.run_one();
  CHECK((*worker)->stderr_tail() == "the model is haunted\n");
}

TEST_CASE("worker process: an executable that is missing is an error, not a child", "[fleet]") {
  boost::asio::io_context context;
  const auto worker = WorkerProcess::spawn(context, "/nowhere/worker", WorkerSetup{},
                                           {.woke = [] {}, .exited = [](const ExitCause&) {}});
  REQUIRE_FALSE(worker.ok());
  CHECK(worker.error().sentence.find("/nowhere/worker") != std::string::npos);
}
