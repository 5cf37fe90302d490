#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/error/fault.h"

namespace forkdex::fault {
namespace {

using enum ErrorCode;

constexpr std::array kPoints = {
    Point{"run.claimed", "the repository is claimed, no file was listed", kBug},
    Point{"run.planned", "every file is planned, no worker started", kBug},
    Point{"run.dispatched", "a job was handed to a worker", kBug},
    Point{"ledger.flush", "states are about to be written", kBug},
    Point{"words.plan", "segments of the word index are about to be planned", kDatabaseLost},
    Point{"commits.walk", "the history is about to be walked", kBug},
    Point{"commits.write", "commits are about to be written", kBug},
    Point{"commits.settle", "commits are written, last commits not", kBug},
    Point{"texts.plan", "texts without a vector are about to be looked for", kBug},
    Point{"texts.done", "texts are embedded, which is not noted", kBug},
    Point{"database.reach", "the database went away and is about to be asked again", kDatabaseLost},
    Point{"database.back", "it answers and the claim is ours again", kDatabaseLost},
    Point{"run.finished", "every file has its state, the run's row says running", kBug},
    Point{"report.write", "the report is about to be written", kBug},
    Point{"fork.request", "the fork server was asked for a worker", kBug},
    Point{"fork.cloned", "the fork server has cloned a worker and said so", kBug},
    Point{"worker.start", "a worker has its settings and nothing else", kModelUnusable},
    Point{"worker.connect", "a worker has its model and no connection", kDatabaseLost},
    Point{"worker.ready", "a worker is about to say that it is ready", kDatabaseLost},
    Point{"worker.take", "a job was taken and not looked at", kModelRuntime},
    Point{"file.read", "a file is about to be read", kFileUnreadable},
    Point{"file.parse", "a file was read and is about to be parsed", kParseFailed},
    Point{"store.begin", "a file's transaction is about to begin", kDatabaseLost},
    Point{"store.commit", "a file's chunks and its commit are about to be sent", kDatabaseLost},
    Point{"store.committed", "a file is committed, its outcome not reported", kDatabaseLost},
    Point{"words.read", "a segment's words are about to be read", kDatabaseLost},
    Point{"words.store", "the segments that one replaces are deleted, it is not stored",
          kDatabaseLost},
    Point{"texts.read", "the texts of a job are about to be read", kDatabaseLost},
    Point{"texts.embed", "a text is about to be embedded", kModelRuntime},
    Point{"texts.store", "the vectors of a job are about to be stored", kDatabaseLost},
    Point{"texts.stored", "the vectors of a job are stored, which is not said", kDatabaseLost},
    Point{"worker.outcome", "an outcome is about to be reported", kModelRuntime},
};

struct Strike {
  std::string point;
  std::string action;
  unsigned pass = 1;
  std::string text;
};

/// "store.commit=kill@3:retry" and the like; a test that writes something else is stopped.
Strike parse(std::string_view spec) {
  Strike strike;
  const std::size_t colon = spec.find(':');
  if (colon != std::string_view::npos) strike.text = spec.substr(colon + 1);
  spec = spec.substr(0, colon);
  const std::size_t at = spec.find('@');
  if (at != std::string_view::npos)
    std::from_chars(spec.data() + at + 1, spec.data() + spec.size(), strike.pass);
  spec = spec.substr(0, at);
  const std::size_t equals = spec.find('=');
  strike.point = spec.substr(0, equals);
  strike.action = equals == std::string_view::npos ? "" : spec.substr(equals + 1);
  constexpr std::array<std::string_view, 7> kActions = {"exit", "abort",    "segv", "kill",
                                                        "hang", "allocate", "error"};
  const bool known = std::any_of(kPoints.begin(), kPoints.end(),
                                 [&](const Point& point) { return point.name == strike.point; }) &&
                     std::find(kActions.begin(), kActions.end(), strike.action) != kActions.end();
  if (!known) {
    ::dprintf(STDERR_FILENO, "FORKDEX_FAULT has no point or action in %.*s\n",
              static_cast<int>(spec.size()), spec.data());
    std::_Exit(kExitConfig);
  }
  return strike;
}

const std::vector<Strike>& strikes() {
  static const std::vector<Strike> kStrikes = [] {
    std::vector<Strike> all;
    const char* value = std::getenv("FORKDEX_FAULT");
    std::string_view rest = value ? value : "";
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(';'), rest.size());
      all.push_back(parse(rest.substr(0, end)));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return all;
  }();
  return kStrikes;
}

constexpr std::size_t kMostStrikes = 64;

/// A byte a strike, shared by all processes. Mapped at the first point of a process, because a
/// worker in its sandbox can open nothing any more. Null where once was not asked for.
std::atomic<char>* struck() {
  static std::atomic<char>* const kStruck = []() -> std::atomic<char>* {
    const char* name = std::getenv("FORKDEX_FAULT_ONCE");
    if (!name) return nullptr;
    const UniqueFd file(::open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    void* memory = MAP_FAILED;
    if (file.valid() && ::ftruncate(file.get(), kMostStrikes) == 0)
      memory = ::mmap(nullptr, kMostStrikes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (memory != MAP_FAILED) return static_cast<std::atomic<char>*>(memory);
    ::dprintf(STDERR_FILENO, "FORKDEX_FAULT_ONCE %s cannot be mapped\n", name);
    std::_Exit(kExitConfig);
  }();
  return kStruck;
}

/// Whether no process has struck before; always, where once was not asked for.
bool is_first(std::size_t number) {
  return !struck() || (number < kMostStrikes && struck()[number].exchange(1) == 0);
}

/// Touches memory until somebody puts an end to it: the kernel, or a failed allocation.
void allocate_without_end() {
  constexpr std::size_t kPiece = 4 << 20;
  for (std::vector<char*> pieces;;) {
    pieces.push_back(new char[kPiece]);
    std::memset(pieces.back(), 1, kPiece);
  }
}

void strike(const std::string& action) {
  if (action == "exit") std::_Exit(3);
  if (action == "abort") std::abort();
  if (action == "segv") ::raise(SIGSEGV);
  if (action == "kill") ::raise(SIGKILL);
  if (action == "allocate") allocate_without_end();
  while (action == "hang") ::pause();
}

}  // namespace

std::span<const Point> points() { return kPoints; }

Result<void> point(std::string_view name, std::string_view path) {
  static std::map<std::string, unsigned, std::less<>> passes;
  // The supervisor waits for its database on a thread of its own.
  static std::mutex counting;
  struck();
  for (std::size_t i = 0; i < strikes().size(); ++i) {
    const Strike& wanted = strikes()[i];
    if (wanted.point != name || path.find(wanted.text) == std::string_view::npos) continue;
    const auto pass = [&] {
      const std::lock_guard lock(counting);
      return ++passes[wanted.point];
    }();
    if (pass < wanted.pass || !is_first(i)) continue;
    if (wanted.action != "error") {
      strike(wanted.action);
      continue;
    }
    const auto at = std::find_if(kPoints.begin(), kPoints.end(),
                                 [&](const Point& point) { return point.name == name; });
    return Error{at->error, "a fault was asked for", std::string(name)};
  }
  return {};
}

}  // namespace forkdex::fault
