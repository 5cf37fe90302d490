// Names, places and kinds of files that are meant to hurt: rows, report and output hold them all.

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/file_states.h"
#include "tests/support/index_run.h"
#include "tests/support/program.h"
#include "tests/support/skip.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;
using nlohmann::json;
using Strings = std::vector<std::string>;
using States = std::map<std::string, std::string>;

constexpr const char* kCode = "def f():\n    return 1\n";
constexpr const char* kBroken = "\xFF\xFEx";  // says UTF-16 and is not: fails and is reported

void check(bool done, const std::string& what) {
  if (!done) throw std::system_error(errno, std::generic_category(), what);
}

/// Writes `bytes` at `parts` below `root`, one folder after the other: no path is ever longer than
/// a name, so the whole may be longer than the system takes.
void write_deep(const fs::path& root, const Strings& parts, const std::string& bytes) {
  int folder = ::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  check(folder >= 0, root.string());
  for (const std::string& part : parts) {
    const bool last = &part == &parts.back();
    if (!last) check(::mkdirat(folder, part.c_str(), 0755) == 0 || errno == EEXIST, part);
    const int next = last ? ::openat(folder, part.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644)
                          : ::openat(folder, part.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    check(next >= 0, part);
    ::close(folder);
    folder = next;
  }
  check(::write(folder, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "write");
  ::close(folder);
}

std::string joined(const Strings& parts) {
  std::string path;
  for (const std::string& part : parts) path += (path.empty() ? "" : "/") + part;
  return path;
}

/// As rows, reports and events spell the raw `path`, written anew: bytes that are no UTF-8 (here:
/// those over 0x7F, but for the few names that are) as \xHH, a backslash twice.
std::string spelled(const std::string& path) {
  std::string text;
  for (const char c : path) {
    if (c == '\xE9')
      text += "\\xe9";
    else
      text += c == '\\' ? "\\\\" : std::string(1, c);
  }
  return text;
}

/// Names by which shells, SQL, terminals, formats and fixed buffers are told apart from good ones.
Strings hostile_names() {
  return {"new\nline.py",
          "return\r.py",
          "quo'te\"d.py",
          "back\\slash.py",
          "\\x41.py",
          "caf\xE9.py",
          std::string(252, 'n') + ".py",
          std::string(252, '\xE9') + ".py",
          "\xE2\x80\xAEright to left.py",
          "tab\tand \x1b[31mred.py",
          "-rf.py",
          " .py",
          "'); DROP TABLE forkdex.files; --.py",
          "%s%n{}{0}.py",
          "\xF0\x9F\x8E\x89.py"};
}

/// Folders and a name of 4,000 bytes in all, of `byte`.
Strings long_path(char byte) {
  Strings parts(15, std::string(249, byte));  // 15 times 250 with the slash
  parts.push_back(std::string(247, byte) + ".py");
  return parts;
}

std::set<std::string> paths_of(const json& array) {
  std::set<std::string> paths;
  for (const json& entry : array) paths.insert(entry.at("path").get<std::string>());
  return paths;
}

std::set<std::string> paths_of_events(const std::string& stderr_text) {
  json events = json::array();
  std::istringstream lines(stderr_text);
  for (std::string line; std::getline(lines, line);) {
    json event = json::parse(line, nullptr, false);
    if (event.is_object() && event.value("event", "") == "file") events.push_back(std::move(event));
  }
  return paths_of(events);
}

Ended ask(const Database& database, const Strings& arguments) {
  Command command = supervisor_command(arguments);
  command.environment["DATABASE_URL"] = database.url();
  return run(command);
}

/// Every hostile name twice: below good/ it is indexed, below bad/ it fails.
struct NamedTree : TemporaryFolder {
  std::set<std::string> good;
  std::set<std::string> bad;

  NamedTree() {
    std::vector<Strings> all = {long_path('d'), long_path('\xE9')};
    for (const std::string& name : hostile_names()) all.push_back({name});
    for (const Strings& parts : all) {
      add("good", parts, kCode, good);
      add("bad", parts, kBroken, bad);
    }
  }

 private:
  void add(const std::string& top, Strings parts, const char* bytes, std::set<std::string>& paths) {
    parts.insert(parts.begin(), top);
    write_deep(path(), parts, bytes);
    paths.insert(spelled(joined(parts)));
  }
};

TEST_CASE("hostile paths: rows, report, events, search and failures hold every name") {
  const NamedTree tree;
  const Database database;
  std::set<std::string> all = tree.good;
  all.insert(tree.bad.begin(), tree.bad.end());
  const IndexRun run =
      index(tree.path(), database, {"--repository", "names", "--progress", "json"});
  INFO(run.ended.text());
  CHECK(run.ended.status == 1);
  CHECK(contradictions(run.report, database) == Strings());
  States expected;
  for (const std::string& path : tree.good) expected[path] = "indexed";
  for (const std::string& path : tree.bad) expected[path] = "failed: encoding";
  CHECK(file_states(database) == expected);
  CHECK(paths_of(run.report.at("problems")) == tree.bad);
  CHECK(paths_of_events(run.ended.err) == all);

  const Ended failures = ask(database, {"failures", "names", "--json"});
  CHECK(paths_of(json::parse(failures.out).at("failures")) == tree.bad);
  const Ended found = ask(database, {"search", "--json", "--limit", "1000", "return one"});
  CHECK(paths_of(json::parse(found.out).at("results")) == tree.good);
  // For a person, a name is a line, and steers no terminal.
  for (const Ended& text : {ask(database, {"failures", "names"}),
                            ask(database, {"search", "--limit", "1000", "return one"})}) {
    CHECK(std::ranges::count(text.out, '\n') == static_cast<long>(tree.good.size()));
    CHECK(text.out.find_first_of("\x1b\r\t") == std::string::npos);
  }

  const IndexRun again = index(tree.path(), database, {"--repository", "names"});
  CHECK(files_in(again.report, "unchanged") == static_cast<int>(tree.good.size()));
  CHECK(files_in(again.report, "failed") == static_cast<int>(tree.bad.size()));
  CHECK(files_in(again.report, "removed") == 0);
}

TEST_CASE("hostile paths: what lies deeper than a path can say fails under the path that can") {
  const TemporaryFolder tree;
  tree.write("neighbour.py", kCode);
  Strings parts(17, std::string(250, 'd'));
  parts.push_back("too_deep.py");
  write_deep(tree.path(), parts, kCode);
  const Database database;
  const IndexRun run = index(tree.path(), database);
  INFO(run.ended.text());
  CHECK(run.ended.status == 1);
  CHECK(contradictions(run.report, database) == Strings());
  CHECK(files_in(run.report, "total") == 2);
  parts.pop_back();
  CHECK(file_states(database) ==
        States{{"neighbour.py", "indexed"}, {joined(parts) + "/", "failed: unreadable"}});
}

/// What a folder can hold beside files and folders.
struct OddTree : TemporaryFolder {
  States expected;
  int listener = -1;

  OddTree() {
    outside_.write("secret.py", "def secret():\n    return 'outside'\n");
    write("neighbour.py", kCode);
    expected["neighbour.py"] = "indexed";
    check(::mkfifo(odd("fifo.py").c_str(), 0644) == 0, "mkfifo");
    listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    odd("socket.py").copy(address.sun_path, sizeof address.sun_path - 1);
    check(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
    fs::create_symlink("loop.py", odd("loop.py"));
    fs::create_symlink("second.py", odd("first.py"));
    fs::create_symlink("first.py", odd("second.py"));
    fs::create_symlink(outside_ / "secret.py", odd("out.py"));
    fs::create_symlink("../" + outside_.path().filename().string(), odd("up"));
    fs::create_directory_symlink(path(), odd("around"));
    fs::create_symlink("/dev/zero", odd("endless.py"));
    fs::create_symlink("nowhere.py", odd("dangling.py"));
    if (::mknod((*this / "device.py").c_str(), S_IFCHR | 0666, makedev(1, 5)) == 0)
      odd("device.py");  // /dev/zero: reading it never ends
    else
      skip("this user may not make a device, so none is listed");
  }
  ~OddTree() { ::close(listener); }

 private:
  std::string odd(const std::string& name) {
    expected[name] = "skipped: not_regular";
    return (*this / name).string();
  }
  TemporaryFolder outside_;
};

TEST_CASE("hostile paths: a FIFO, a socket, a device and links of every kind are skipped") {
  const OddTree tree;
  const Database database;
  for (const char* round : {"new", "known"}) {
    const IndexRun run = index(tree.path(), database);
    INFO(round << ": " << run.ended.text());
    CHECK(run.ended.status == 0);
    CHECK(contradictions(run.report, database) == Strings());
    CHECK(file_states(database) == tree.expected);
  }
  CHECK(database.value("SELECT count(*) FROM forkdex.chunks") == "1");
}

/// Runs `supervisor index` as a user whom permissions bind, with a database of its own.
class Unprivileged {
 public:
  Unprivileged() {
    if (::geteuid() == 0) check(::chown(data_.path().c_str(), 65534, 65534) == 0, "chown");
  }
  json index(const fs::path& root, int status) const {
    Command command = supervisor_command({"index", "--report", "-", root.string()});
    if (::geteuid() == 0) command.as = As::kNobody;
    for (const char* folder :
         {"HOME", "TMPDIR", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"})
      command.environment[folder] = data_.path().string();
    command.environment["DATABASE_URL"] = std::nullopt;
    const Ended ended = run(command);
    INFO(ended.text());
    REQUIRE(ended.status == status);
    return json::parse(ended.out);
  }

 private:
  TemporaryFolder data_;
};

TEST_CASE("hostile paths: what may not be read fails, and stays known until it may be") {
  const TemporaryFolder tree;
  const Unprivileged user;
  const auto set_modes = [&](fs::perms file, fs::perms closed, fs::perms blind) {
    fs::permissions(tree / "locked.py", file);
    fs::permissions(tree / "closed", closed);
    fs::permissions(tree / "blind", blind);
  };
  using enum fs::perms;
  const fs::perms open_folder = owner_all | others_read | others_exec | group_read | group_exec;
  tree.write("neighbour.py", kCode);
  tree.write("locked.py", kCode);
  tree.write("closed/inside.py", kCode);
  tree.write("blind/seen.py", kCode);
  set_modes(none, none, owner_read | others_read);  // names without what they stand for
  const json refused = user.index(tree.path(), 1);
  set_modes(owner_read | others_read, open_folder, open_folder);
  CHECK(refused.at("files").at("total") == 4);
  CHECK(refused.at("files").at("indexed") == 1);
  CHECK(refused.at("files").at("failed") == 3);
  CHECK(paths_of(refused.at("problems")) ==
        std::set<std::string>{"blind/seen.py", "closed/", "locked.py"});
  for (const json& problem : refused.at("problems")) CHECK(problem.at("reason") == "unreadable");

  const json open = user.index(tree.path(), 0);
  CHECK(open.at("files").at("total") == 4);
  CHECK(open.at("files").at("indexed") == 3);
  CHECK(open.at("files").at("removed") == 1);  // the folder that stood for what is in it

  fs::permissions(tree / "closed", none);
  const json closed = user.index(tree.path(), 1);
  fs::permissions(tree / "closed", open_folder);
  CHECK(closed.at("files").at("removed") == 0);
  const json again = user.index(tree.path(), 0);
  CHECK(again.at("files").at("indexed") == 0);
  CHECK(again.at("files").at("unchanged") == 4);
}

}  // namespace
}  // namespace forkdex::test
