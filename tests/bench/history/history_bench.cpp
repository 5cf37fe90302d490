// What a walk over a history costs, and whether it is right: history_bench FOLDER [FILES]. The last
// commits of FILES files (300), drawn at random, are compared with `git log -1`.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "common/base/hash.h"
#include "supervisor/repository/history/history.h"
#include "supervisor/repository/listing.h"
#include "tests/support/scratch_repository.h"

namespace forkdex {
namespace {

using Clock = std::chrono::steady_clock;

template <class T>
T value(Result<T> result) {
  if (result) return *std::move(result);
  std::fprintf(stderr, "history_bench: %s\n", result.error().text().c_str());
  std::exit(1);
}

struct Walk {
  double milliseconds = 0;
  std::uint64_t commits = 0;  // taken
  std::map<std::string, std::string> last_commits;
};

/// As a run does it, from opening the repository to the answers, but for the database.
Walk walk(const RepositoryInfo& info, const std::vector<std::string>& files, bool again) {
  const auto start = Clock::now();
  Walk walk;
  History history = value(History::open(info.root));
  PathSets paths;
  std::map<Sha256, const std::string*> path_of;
  for (const std::string& file : files) {
    const Sha256 hash = sha256(file);
    paths.add(hash, again);
    path_of[hash] = &file;
  }
  const auto head = object_id(*info.head);
  History::Visitor visitor;
  visitor.reached = [](const ObjectId&) { return true; };
  visitor.take = [&](Commit&&) -> Result<void> {
    ++walk.commits;
    return {};
  };
  visitor.keep_going = [] { return true; };
  value(history.walk(*head, again ? head : std::nullopt, &paths, visitor));
  walk.milliseconds = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  PathSets::Path at = 0;
  while (const auto last = paths.next_answer(at))
    walk.last_commits[*path_of.at(last->path_hash)] = last->commit ? hex(*last->commit) : "";
  return walk;
}

int compare(const RepositoryInfo& info, std::vector<std::string> files, std::size_t sample,
            const Walk& first) {
  std::shuffle(files.begin(), files.end(), std::mt19937(1));
  files.resize(std::min(files.size(), sample));
  int wrong = 0;
  for (const std::string& file : files) {
    const auto asked = test::execute({"git", "-C", info.root.string(), "--literal-pathspecs", "log",
                                      "-1", "--format=%H", "--", file});
    const std::string last = asked.output.substr(0, asked.output.find('\n'));
    const std::string& ours = first.last_commits.at(file);
    if (ours == last) continue;
    ++wrong;
    std::printf("%s: %s, git says %s\n", file.c_str(), ours.c_str(), last.c_str());
  }
  std::printf("%zu of %zu files compared with git log -1: %d differ\n", files.size(),
              first.last_commits.size(), wrong);
  return wrong == 0 ? 0 : 1;
}

int main_of_bench(const std::string& folder, std::size_t sample) {
  const RepositoryInfo info = value(inspect_repository(folder));
  std::vector<std::string> files;
  const auto listed =
      list_files(info, [&](ListedFile&& file) { files.push_back(std::move(file.path)); });
  if (!listed || !info.head) return 1;
  std::vector<double> times;
  Walk first;
  for (int round = 0; round < 5; ++round) {
    first = walk(info, files, false);
    times.push_back(first.milliseconds);
  }
  std::sort(times.begin(), times.end());
  const Walk second = walk(info, files, true);
  std::printf(
      "%llu commits, %zu files: first walk %.0f ms (median of 5, least %.0f), nothing new "
      "%.1f ms (%llu commits)\n",
      static_cast<unsigned long long>(first.commits), files.size(), times[2], times[0],
      second.milliseconds, static_cast<unsigned long long>(second.commits));
  return compare(info, files, sample, first);
}

}  // namespace
}  // namespace forkdex

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("history_bench FOLDER [FILES]\n", stderr);
    return 64;
  }
  return forkdex::main_of_bench(argv[1], argc > 2 ? std::stoul(argv[2]) : 300);
}
