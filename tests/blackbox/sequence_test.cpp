// Whatever happens to a tree between runs, and whenever a run is killed: after one that completes,
// the rows are those of an index made of the tree as it stands.

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/changing_tree.h"
#include "tests/support/database.h"
#include "tests/support/index_run.h"
#include "tests/support/program.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace {
using Strings = std::vector<std::string>;
using Kind = ChangingTree::Kind;

/// One tree, its index that is kept up to date, and indexes made anew to compare it with.
class Sequence {
 public:
  /// `fresh` is for the indexes to compare with.
  Sequence(Kind kind, unsigned seed, const Database& fresh)
      : tree_(kind, seed), random_(seed), fresh_(fresh) {}

  /// A few changes and maybe a run that is killed or sees a part only; then one run over all, and
  /// the comparison.
  void step() {
    for (int left = draw(4); left >= 0; --left) {
      story_ += "  " + tree_.change() + "\n";
      switch (draw(8)) {
        case 0:
        case 1:
          kill_a_run();
          break;
        case 2:
          run_over_a_part();
          break;
        default:
          break;
      }
    }
    redefine();
    complete_a_run();
  }

  int kills() const { return kills_; }

 private:
  int draw(unsigned count) { return static_cast<int>(random_() % count); }

  Strings options(const std::string& name, const Strings& more = {}) const {
    Strings all = {"--repository", name, "--max-file-size", "64KiB"};
    all.insert(all.end(), narrowing_.begin(), narrowing_.end());
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  /// What varies from run to run and may change no row.
  Strings draw_options() {
    Strings more = {"--workers", std::to_string(1 + draw(2))};
    if (draw(6) == 0) more.push_back("--full");
    if (draw(6) == 0) more.push_back("--retry-failed");
    if (draw(6) == 0) more.insert(more.end(), {"--keep-vectors", "0"});
    return more;
  }

  /// For a run after which another one completes what it left.
  Strings draw_partial_options() {
    Strings more = draw_options();
    if (draw(4) == 0) more.push_back("--no-commits");
    return more;
  }

  /// From time to time, other files are to belong to the repository.
  void redefine() {
    if (draw(5) > 0) return;
    static const Strings kNarrowings[] = {
        {}, {}, {"--exclude", "src/**"}, {"--include", "*.py"}, {"--languages", "python,text"}};
    narrowing_ = kNarrowings[draw(std::size(kNarrowings))];
    story_ += "  narrowing:";
    for (const std::string& word : narrowing_) story_ += " " + word;
    story_ += "\n";
  }

  void kill_a_run() {
    // From its first moment to a little after what is its end when there is much to do.
    const std::chrono::milliseconds after(draw(600));
    story_ += "  kill after " + std::to_string(after.count()) + " ms";
    const TemporaryFolder folder;
    Program program(index_command(tree_.path(), database_, folder / "report.json",
                                  options("r", draw_partial_options())));
    std::this_thread::sleep_for(after);
    const bool alive = program.running();
    if (alive) program.signal(SIGKILL);
    const Ended ended = program.wait();
    kills_ += alive;
    story_ += alive ? "\n" : ", too late\n";
    INFO(story_ << ended.text());
    REQUIRE((ended.signal == SIGKILL || ended.status <= 1));
  }

  void run_over_a_part() {
    const TemporaryFolder folder;
    Command command = index_command(tree_.path(), database_, folder / "report.json",
                                    options("r", draw_partial_options()));
    Strings part = {"--shard", std::to_string(1 + draw(2)) + "/2"};
    if (draw(2) == 0) {
      part = {"--files-from", "-"};
      for (const std::string& file : tree_.files())
        if (draw(2) == 0) command.input += file + '\0';
    }
    command.arguments.insert(command.arguments.end() - 1, part.begin(), part.end());
    story_ += "  " + part[0] + " " + part[1] + "\n";
    const Ended ended = run(command);
    INFO(story_ << ended.text());
    REQUIRE((ended.status == 0 || ended.status == 1));
  }

  void complete_a_run() {
    const Strings varied = draw_options();
    story_ += "run " + std::to_string(++runs_);
    for (const std::string& word : varied) story_ += " " + word;
    story_ += "\n";
    const IndexRun kept = index(tree_.path(), database_, options("r", varied));
    const std::string name = "fresh" + std::to_string(++indexes);
    const IndexRun fresh = index(tree_.path(), fresh_, options(name, {"--workers", "1"}));
    INFO(story_ << kept.ended.text() << "\nmade anew: " << fresh.ended.text());
    REQUIRE((fresh.ended.status == 0 || fresh.ended.status == 1));
    REQUIRE(kept.ended.status == fresh.ended.status);
    REQUIRE(contradictions(kept.report, database_) == Strings());
    REQUIRE(differences(dump(database_, "r", Vectors::kNeeded),
                        dump(fresh_, name, Vectors::kNeeded)) == Strings());
    if (draw(3) > 0) return;
    // Nothing happened since: nothing is written.
    const IndexRun again = index(tree_.path(), database_, options("r", {"--workers", "1"}));
    INFO("again: " << again.ended.text());
    REQUIRE(files_in(again.report, "indexed") == 0);
    REQUIRE(files_in(again.report, "removed") == 0);
    REQUIRE(again.report.at("chunks").at("written") == 0);
    REQUIRE(again.report.at("commits").at("written") == 0);
  }

  static inline int indexes = 0;

  ChangingTree tree_;
  std::mt19937 random_;
  const Database& fresh_;
  Database database_;
  Strings narrowing_;
  std::string story_;
  int runs_ = 0;
  int kills_ = 0;
};

/// `sequences` of `steps` each. The seed of one that fails is that of a run with it alone.
void follow(Kind kind, int sequences, int steps) {
  const unsigned seed = new_seed();
  const Database fresh;
  int kills = 0;
  for (int i = 0; i < sequences; ++i) {
    INFO("sequence " << i << " of seed " << seed << ": FORKDEX_TEST_SEED=" << seed + i
                     << " begins with it");
    Sequence sequence(kind, seed + static_cast<unsigned>(i), fresh);
    for (int step = 0; step < steps; ++step) sequence.step();
    kills += sequence.kills();
  }
  std::cout << sequences << " sequences of seed " << seed << ", runs killed: " << kills << "\n";
}

TEST_CASE("sequence: whatever happens to a repository its rows are those of a fresh index",
          "[kill][shallow]") {
  follow(Kind::kRepository, 2, 4);
}

TEST_CASE("sequence: whatever happens to a plain folder its rows are those of a fresh index",
          "[kill][shallow]") {
  follow(Kind::kFolder, 1, 3);
}

TEST_CASE(
    "sequence: whatever happens to a folder of a repository its rows are those of a fresh index",
    "[kill][shallow]") {
  follow(Kind::kFolderOfRepository, 1, 4);
}

TEST_CASE("sequence: many over a repository leave the rows of a fresh index", "[slow][shallow]") {
  follow(Kind::kRepository, 40, 12);
}

TEST_CASE("sequence: many over a plain folder leave the rows of a fresh index", "[slow][shallow]") {
  follow(Kind::kFolder, 20, 12);
}

TEST_CASE("sequence: many over a folder of a repository leave the rows of a fresh index",
          "[slow][shallow]") {
  follow(Kind::kFolderOfRepository, 20, 12);
}

}  // namespace
}  // namespace forkdex::test
