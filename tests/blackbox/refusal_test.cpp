// What cannot be done: one clear sentence, the right exit status, and nothing left behind (which
// the check after every case sees to).

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/corpus.h"
#include "tests/support/database.h"
#include "tests/support/index_run.h"
#include "tests/support/leftovers.h"
#include "tests/support/program.h"
#include "tests/support/skip.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;

constexpr int kUsage = 64;
constexpr int kUnavailable = 69;
constexpr int kTryAgain = 75;
constexpr int kConfig = 78;

/// Nothing listens on port 1; a run that gets as far as the database ends there.
constexpr const char* kNoServer = "postgresql://127.0.0.1:1/none";

/// The lines of `text` that start with `prefix`.
long lines_with(const std::string& text, const std::string& prefix) {
  long count = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) count += line.starts_with(prefix);
  return count;
}

/// Checks that `ended` refused with `status` and said why in one sentence that names `culprit`, in
/// the last line; a run that had begun may have logged before.
void check_end(const Ended& ended, int status, const std::string& culprit) {
  INFO(ended.text());
  CHECK(ended.status == status);
  CHECK(lines_with(ended.err, "supervisor: ") == 1);
  const std::size_t sentence = ended.err.rfind("supervisor: ");
  REQUIRE(sentence != std::string::npos);
  CHECK(ended.err.find(culprit, sentence) != std::string::npos);
  CHECK(ended.err.find('\n', sentence) == ended.err.size() - 1);
  CHECK(ended.err.size() - sentence > std::string("supervisor: ").size() + culprit.size());
  for (const char* noise : {"terminate called", "what():", "Error{", "errno ", "0x"}) {
    CHECK(ended.err.find(noise) == std::string::npos);
  }
}

/// The same of what is refused before anything is begun: the sentence is all.
void check_refusal(const Ended& ended, int status, const std::string& culprit) {
  check_end(ended, status, culprit);
  INFO(ended.text());
  CHECK(lines_with(ended.err, "") == 1);
}

/// A folder with one small file to index.
struct SmallTree : TemporaryFolder {
  SmallTree() { write("one.py", "def one():\n    return 1\n"); }
};

TEST_CASE("refusals: a flag or argument that makes no sense ends 64") {
  const SmallTree tree;
  const std::string path = tree.path().string();
  struct Case {
    std::vector<std::string> arguments;
    std::string culprit;
  };
  const Case cases[] = {
      {{"--no-such-flag", path}, "--no-such-flag"},
      {{"--workers", "many", path}, "--workers"},
      {{"--workers", "0", path}, "--workers"},
      {{"--workers", "-3", path}, "--workers"},
      {{"--workers"}, "--workers"},
      {{"--max-file-size", "10 parsecs", path}, "--max-file-size"},
      {{"--languages", "klingon", path}, "klingon"},
      {{"--precision", "fp33", path}, "--precision"},
      {{"index", path, path}, path},
      {{"search"}, "QUERY"},
      {{"search", "--limit", "none", "x"}, "--limit"},
      {{"database", "explode"}, "explode"},
      {{"database"}, "database"},
      {{"graph", "callers", "f"}, "graph"},
      {{"no-such-command"}, "no-such-command"},
      {{"index"}, "PATH"},
  };
  for (const Case& refused : cases) {
    CAPTURE(refused.arguments);
    check_refusal(supervisor(refused.arguments), kUsage, refused.culprit);
  }
}

TEST_CASE("refusals: a bidirectional override in an argument -> the error shows it escaped") {
  const Ended ended = supervisor({"--work\u202esre\x1b[31m", "folder"});
  INFO(ended.text());
  CHECK(ended.status == 64);
  CHECK(ended.err.starts_with("supervisor: unknown option --work\\xe2\\x80\\xaesre\\x1b[31m"));
  CHECK(ended.err.find('\x1b') == std::string::npos);
}

TEST_CASE("refusals: no argument at all ends 64 and says what there is") {
  const Ended ended = supervisor({});
  INFO(ended.text());
  CHECK(ended.status == kUsage);
  CHECK(ended.err.find("--help") != std::string::npos);
}

TEST_CASE("refusals: a bad value in the environment or the configuration file ends 78") {
  const SmallTree tree;
  const auto with = [&](const std::string& variable, const std::string& value) {
    Command command = supervisor_command({"index", tree.path().string()});
    command.environment[variable] = value;
    return run(command);
  };
  check_refusal(with("FORKDEX_WORKERS", "many"), kConfig, "FORKDEX_WORKERS");
  check_refusal(with("FORKDEX_IN_FLIGHT", "-1"), kConfig, "FORKDEX_IN_FLIGHT");
  check_refusal(with("FORKDEX_LANGUAGES", "klingon"), kConfig, "klingon");

  const TemporaryFolder folder;
  const auto with_file = [&](const std::string& text) {
    folder.write("config.json", text);
    return supervisor({"--config", (folder / "config.json").string(), tree.path().string()});
  };
  check_refusal(with_file(R"({"workers": "lots"})"), kConfig, "workers");
  check_refusal(with_file(R"({"wrokers": 2})"), kConfig, "wrokers");
  check_refusal(with_file(R"({"workers": 2)"), kConfig, "config.json");
  check_refusal(with_file("[]"), kConfig, "config.json");
  check_refusal(supervisor({"--config", (folder / "none.json").string(), tree.path().string()}),
                kConfig, "none.json");
}

TEST_CASE("refusals: a path that is missing or no folder ends 64") {
  const SmallTree tree;
  check_refusal(supervisor({(tree / "nowhere").string()}), kUsage, "nowhere");
  check_refusal(supervisor({(tree / "one.py").string()}), kUsage, "one.py");
  check_refusal(supervisor({"/dev/null"}), kUsage, "/dev/null");
}

TEST_CASE("refusals: a folder that may not be read ends 64") {
  const SmallTree tree;
  const fs::path closed = tree / "closed";
  fs::create_directory(closed);
  Command command = supervisor_command({closed.string()});
  if (::geteuid() == 0) {
    command.as = As::kRootWithNoOverride;
    REQUIRE(::chown(closed.c_str(), 65534, 65534) == 0);
    fs::permissions(closed, fs::perms::owner_all);
  } else {
    fs::permissions(closed, fs::perms::none);
  }
  check_refusal(run(command), kUsage, "closed");
  fs::permissions(closed, fs::perms::owner_all);
}

TEST_CASE("refusals: an empty folder is indexed with a warning") {
  const TemporaryFolder empty;
  const Database database;
  const IndexRun run = index(empty.path(), database);
  INFO(run.ended.text());
  CHECK(run.ended.status == 0);
  CHECK(files_in(run.report, "total") == 0);
  CHECK(run.ended.err.find("run.nothing_to_index") != std::string::npos);
  CHECK(run.ended.err.find("no file was found") != std::string::npos);
}

TEST_CASE("refusals: an unreachable database ends 69 and keeps its password to itself") {
  const SmallTree tree;
  const std::string path = tree.path().string();
  check_refusal(supervisor({"--database-url", kNoServer, path}), kUnavailable, "127.0.0.1");
  check_refusal(supervisor({"--database-url", "postgresql:///none?host=/nowhere/at/all", path}),
                kUnavailable, "/nowhere/at/all");
  const Ended secret = supervisor({"--database-url", "postgresql://me:s3cret@127.0.0.1:1/x", path});
  check_refusal(secret, kUnavailable, "127.0.0.1");
  CHECK(secret.text().find("s3cret") == std::string::npos);
  check_refusal(supervisor({"search", "--database-url", kNoServer, "anything"}), kUnavailable,
                "127.0.0.1");
  check_refusal(supervisor({"status", "--database-url", kNoServer}), kUnavailable, "127.0.0.1");
}

TEST_CASE("refusals: a database that is not there ends 69 and is named") {
  const SmallTree tree;
  const Database database;
  const std::string url = with_parameters(database.url(), {{"dbname", "not_there"}});
  check_refusal(supervisor({"--database-url", url, tree.path().string()}), kUnavailable,
                "not_there");
}

/// Takes every connection the server has.
std::vector<Connection> fill(const Database& database) {
  std::vector<Connection> taken;
  try {
    for (;;) taken.emplace_back(database.url());
  } catch (const std::runtime_error& full) {
    INFO(full.what());
    REQUIRE(std::string(full.what()).find("too many clients") != std::string::npos);
  }
  return taken;
}

TEST_CASE("refusals: a server with too many clients ends 69") {
  const SmallTree tree;
  const Database database;
  const std::vector<Connection> taken = fill(database);
  REQUIRE(taken.size() > 10);
  check_refusal(supervisor({"--database-url", database.url(), tree.path().string()}), kUnavailable,
                "too many clients");
}

TEST_CASE("refusals: room for too few connections lowers the number of workers", "[shallow]") {
  for (const std::size_t room : {1, 2, 3, 4}) {
    const Database database;  // nothing is known in it: there is work enough for every worker
    std::vector<Connection> taken = fill(database);
    for (std::size_t i = 0; i < room; ++i) taken.pop_back();
    const IndexRun run =
        index(corpus("rxjs-7.8.2") / "src/internal/operators", database, {"--workers", "4"});
    INFO("room for " << room << ": " << run.ended.text());
    // One is the supervisor's; without a second one there is no worker.
    CHECK(run.ended.err.find("clients") != std::string::npos);
    if (room == 1) {
      CHECK(run.ended.status == kUnavailable);
      continue;
    }
    REQUIRE(run.ended.status == 0);
    CHECK(files_in(run.report, "failed") == 0);
    CHECK(run.report.at("workers").at("count") == room - 1);
    CHECK(run.ended.err.find("worker.given_up") != std::string::npos);
  }
}

TEST_CASE("refusals: a model folder that cannot be used ends 69 and names what is wrong") {
  const SmallTree tree;
  const Database database;
  const auto with_model = [&](const fs::path& model) {
    return index(tree.path(), database, {"--code-model", model.string()}).ended;
  };
  const TemporaryFolder folder;
  check_refusal(with_model(folder / "nowhere"), kUnavailable, "nowhere");
  check_refusal(with_model(folder.path()), kUnavailable, "config.json");

  const fs::path broken = folder / "broken";
  const auto fresh = [&] {
    fs::remove_all(broken);
    fs::copy(deps_folder() / "model", broken, fs::copy_options::recursive);
  };
  fresh();
  fs::remove(broken / "model.safetensors");
  check_refusal(with_model(broken), kUnavailable, "model.safetensors");
  fresh();
  fs::resize_file(broken / "model.safetensors", 1000000);
  check_end(with_model(broken), kUnavailable, "model.safetensors");
  check_end(supervisor({"doctor", "--code-model", broken.string()}), kUnavailable,
            "model.safetensors");
  fresh();
  fs::remove(broken / "tokenizer.json");
  fs::remove(broken / "vocab.txt");
  check_refusal(with_model(broken), kUnavailable, "tokenizer.json");
  fresh();
  folder.write("broken/config.json", "{");
  check_refusal(with_model(broken), kUnavailable, "config.json");
  fresh();
  auto config = nlohmann::json::parse(read_file(broken / "config.json"));
  config["model_type"] = "mamba";
  folder.write("broken/config.json", config.dump());
  check_end(with_model(broken), kUnavailable, "mamba");
}

TEST_CASE("refusals: a repository git cannot be read from ends 69") {
  const SmallTree tree;
  const Database database;
  fs::create_directories(tree / ".git/objects");
  fs::create_directories(tree / ".git/refs");
  tree.write(".git/HEAD", "ref: refs/heads/main\n");
  tree.write(".git/config", "[core]\n\trepositoryformatversion = 9\n");
  check_refusal(index(tree.path(), database).ended, kUnavailable, tree.path().string());
}

/// A file system of a few megabytes; none where this process may not mount.
class SmallDisk {
 public:
  explicit SmallDisk(int mebibytes) {
    const std::string options = "mode=0755,size=" + std::to_string(mebibytes) + "m";
    mounted_ = ::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, options.c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }
  const fs::path& path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
  bool mounted_ = false;
};

TEST_CASE("refusals: a disk that is full from the start ends 75") {
  for (const int mebibytes : {8, 40}) {
    const SmallDisk disk(mebibytes);
    if (!disk.mounted()) {
      skip("this user may not mount a small disk");
      return;
    }
    Command command = supervisor_command({(corpus("rxjs-7.8.2") / "src").string()});
    command.environment["XDG_DATA_HOME"] = disk.path().string();
    INFO(mebibytes << " MiB");
    check_end(run(command), kTryAgain, "full");
  }
}

TEST_CASE("refusals: a disk that fills in the middle ends 75, and with room the next run completes",
          "[shallow]") {
  const SmallDisk disk(160);
  if (!disk.mounted()) {
    skip("this user may not mount a small disk");
    return;
  }
  const fs::path root = corpus("rxjs-7.8.2") / "src";
  const auto on_disk = [&](const std::vector<std::string>& arguments) {
    Command command = supervisor_command(arguments);
    command.environment["XDG_DATA_HOME"] = disk.path().string();
    return run(command);
  };
  // A first small run makes the database; what is left then is taken but for a little.
  const SmallTree tree;
  REQUIRE(on_disk({"--repository", "small", tree.path().string()}).status == 0);
  const fs::path filler = disk.path() / "filler";
  const auto left = fs::space(disk.path()).available;
  std::ofstream(filler, std::ios::binary) << std::string(left - (2 << 20), 'x');
  check_end(on_disk({"--repository", "rxjs", root.string()}), kTryAgain, "full");

  fs::remove(filler);
  const Ended again = on_disk({"--repository", "rxjs", root.string()});
  INFO(again.text());
  CHECK(again.status == 0);
}

TEST_CASE("refusal: a report into a pipe that nobody reads is refused before the run") {
  const TemporaryFolder folder;
  folder.write("a.py", "x = 1\n");
  const fs::path pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const Database database;
  const Ended ended = run(index_command(folder.path(), database, pipe, {"--repository", "r"}),
                          std::chrono::seconds(30));
  INFO(ended.text());
  CHECK(ended.status == 64);
  CHECK(ended.err.find("pipe") != std::string::npos);
  CHECK(database.rows("SELECT 1 FROM information_schema.schemata WHERE schema_name = 'forkdex'")
            .empty());
}

}  // namespace
}  // namespace forkdex::test
