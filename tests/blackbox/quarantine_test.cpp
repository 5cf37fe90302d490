// Files and texts that end their workers each time: what they cost, how long that lasts, and what
// is said of it.

#include <catch2/catch.hpp>
#include <string>

#include "tests/blackbox/faults_fixture.h"

namespace forkdex::test {
namespace {

TEST_CASE("quarantine: a file that ends its worker each time is quarantined, and stays so",
          "[kill][shallow]") {
  const auto [action, reason, counter] = GENERATE(table<std::string, std::string, std::string>({
      {"segv", "crashed", "crashed"},
      {"exit", "crashed", "crashed"},
      {"hang", "timed_out", "timed_out"},
      {"allocate", "out_of_memory", "out_of_memory"},
  }));
  INFO(action);
  const SmallTree tree;
  const fs::path root = tree.folder.path();
  const Database database;
  const TemporaryFolder folder;
  const std::string fault = "file.parse=" + action + ":retry.ts";
  // Only what stands still has to be waited for: memory takes its time where others want the cores.
  Strings options = {"--memory-per-worker", "512MiB"};
  if (action == "hang") options.insert(options.end(), {"--file-timeout", "2"});
  const Ended first = run(faulty(root, database, folder / "1.json", fault, options));
  INFO(first.text());
  CHECK(first.status == 1);
  const auto report = nlohmann::json::parse(read_file(folder / "1.json"));
  CHECK(report.at("status") == "complete");
  CHECK(files_in(report, "indexed") == kFiles - 2);
  CHECK(files_in(report, "quarantined") == 1);
  CHECK(report.at("workers").at(counter).get<int>() >= 3);
  REQUIRE(report.at("problems").size() == 1);
  CHECK(report.at("problems")[0].at("path") == "retry.ts");
  CHECK(report.at("problems")[0].at("reason") == reason);
  CHECK(report.at("problems")[0].at("attempts") == 3);
  CHECK(contradictions(report, database) == Strings());

  // It is known: nobody tries it.
  const Ended second = run(faulty(root, database, folder / "2.json", fault, options));
  INFO(second.text());
  CHECK(second.status == 1);
  const auto again = nlohmann::json::parse(read_file(folder / "2.json"));
  CHECK(again.at("workers").at(counter) == 0);
  CHECK(files_in(again, "quarantined") == 1);
  CHECK(again.at("problems") == report.at("problems"));
  Command listing = supervisor_command({"failures", "r"});
  listing.environment["DATABASE_URL"] = database.url();
  const Ended listed = run(listing);
  CHECK(listed.out.find("quarantined retry.ts: " + reason) != std::string::npos);
  CHECK(listed.out.find("3 attempts") != std::string::npos);

  // Asked for, it is tried again; the fault is gone, and so is the verdict.
  const IndexRun third = index(root, database, {"--repository", "r", "--retry-failed"});
  INFO(third.ended.text());
  CHECK(third.ended.status == 0);
  CHECK(differences(undisturbed(root, "r"), dump(database, "r")) == Strings());
}

TEST_CASE("quarantine: a text that ends its worker each time costs its vector, not its file",
          "[kill][shallow]") {
  const auto [action, reason, counter] = GENERATE(table<std::string, std::string, std::string>({
      {"segv", "crashed", "crashed"},
      {"hang", "timed_out", "timed_out"},
      {"allocate", "out_of_memory", "out_of_memory"},
  }));
  INFO(action);
  const SmallTree tree;
  const fs::path root = tree.folder.path();
  const Database database;
  const TemporaryFolder folder;
  const std::string fault = "texts.embed=" + action + ":marzipan";
  tree.folder.write("poison.ts", "export function poison() {\n  return marzipan;\n}\n");
  Strings options = {"--memory-per-worker", "512MiB"};
  if (action == "hang") options.insert(options.end(), {"--file-timeout", "2"});
  const Ended first = run(faulty(root, database, folder / "1.json", fault, options));
  INFO(first.text());
  CHECK(first.status == 1);
  const auto report = nlohmann::json::parse(read_file(folder / "1.json"));
  CHECK(report.at("status") == "complete");
  CHECK(files_in(report, "indexed") == kFiles);
  CHECK(report.at("workers").at(counter).get<int>() >= 3);
  CHECK(report.at("texts").at("missing") == 0);
  CHECK(report.at("texts").at("refused") == 1);
  REQUIRE(report.at("problems").size() == 1);
  CHECK(report.at("problems")[0].at("path") == "poison.ts");
  CHECK(report.at("problems")[0].at("state") == "indexed");
  CHECK(report.at("problems")[0].at("reason") == reason);
  CHECK(report.at("problems")[0].at("attempts") == 3);
  CHECK(report.at("problems")[0].at("detail").get<std::string>().starts_with(
      "lines 1 to 3 have no vector: "));
  CHECK(contradictions(report, database) == Strings());
  CHECK(words_hits(database, {"poison"}) == Strings{"poison.ts:1"});
  CHECK(first.out.find("1 refused") != std::string::npos);

  // It is known: nobody tries it.
  const Ended second = run(faulty(root, database, folder / "2.json", fault, options));
  INFO(second.text());
  CHECK(second.status == 1);
  const auto again = nlohmann::json::parse(read_file(folder / "2.json"));
  CHECK(again.at("workers").at("started") == 0);
  CHECK(again.at("problems") == report.at("problems"));
  Command listing = supervisor_command({"failures", "r"});
  listing.environment["DATABASE_URL"] = database.url();
  CHECK(run(listing).out.find("indexed poison.ts: " + reason) != std::string::npos);

  // A higher limit tries it again, and so does who asks for it.
  Strings later = {"--repository", "r", "--retry-failed"};
  if (action == "hang") later = {"--repository", "r", "--file-timeout", "3"};
  const IndexRun third = index(root, database, later);
  INFO(third.ended.text());
  CHECK(third.ended.status == 0);
  CHECK(differences(undisturbed(root, "r"), dump(database, "r")) == Strings());
}

TEST_CASE("quarantine: a touched file stays quarantined, a changed one is tried again",
          "[kill][shallow]") {
  const SmallTree tree;
  const fs::path root = tree.folder.path();
  const Database database;
  const TemporaryFolder folder;
  const std::string fault = "file.parse=segv:retry.ts";
  CHECK(run(faulty(root, database, folder / "1.json", fault, {})).status == 1);
  fs::last_write_time(root / "retry.ts",
                      fs::last_write_time(root / "retry.ts") + std::chrono::seconds(5));
  const IndexRun touched = index(root, database, {"--repository", "r"});
  INFO(touched.ended.text());
  CHECK(touched.ended.status == 1);
  CHECK(files_in(touched.report, "quarantined") == 1);
  tree.folder.write("retry.ts", "export const changed = 1;\n");
  const IndexRun changed = index(root, database, {"--repository", "r"});
  INFO(changed.ended.text());
  CHECK(changed.ended.status == 0);
  CHECK(files_in(changed.report, "indexed") == 1);
}

TEST_CASE("quarantine: a higher limit tries again what the lower one refused", "[kill][shallow]") {
  const SmallTree tree;
  const fs::path root = tree.folder.path();
  const Database database;
  const TemporaryFolder folder;
  const Strings low = {"--file-timeout", "1"};
  CHECK(run(faulty(root, database, folder / "1.json", "file.parse=hang:retry.ts", low)).status ==
        1);
  const IndexRun same = index(root, database, {"--repository", "r", "--file-timeout", "1"});
  CHECK(same.ended.status == 1);
  CHECK(files_in(same.report, "quarantined") == 1);
  const IndexRun higher = index(root, database, {"--repository", "r", "--file-timeout", "2"});
  INFO(higher.ended.text());
  CHECK(higher.ended.status == 0);
}

TEST_CASE("quarantine: one file of 251 that allocates without end costs one file",
          "[kill][shallow]") {
  const fs::path root = corpus("rxjs-7.8.2") / "src";
  const Strings options = {"--languages", "typescript"};
  const Database quiet_database;
  const Database database;
  const TemporaryFolder folder;
  const Ended quiet = run(faulty(root, quiet_database, folder / "quiet.json", "", options));
  REQUIRE(quiet.status == 0);
  const Ended ended = run(faulty(root, database, folder / "r.json",
                                 "file.parse=allocate:internal/operators/retry.ts", options));
  INFO(ended.text());
  CHECK(ended.status == 1);
  const auto report = nlohmann::json::parse(read_file(folder / "r.json"));
  CHECK(files_in(report, "indexed") == 250);
  CHECK(files_in(report, "quarantined") == 1);
  CHECK(report.at("workers").at("out_of_memory") == 3);
  CHECK(report.at("problems")[0].at("reason") == "out_of_memory");
  CHECK(database.value("SELECT count(*) FROM forkdex.files WHERE attempts > 1") == "1");
  WARN("beyond the undisturbed run: " << (ended.elapsed - quiet.elapsed).count() << " s");
}

}  // namespace
}  // namespace forkdex::test
