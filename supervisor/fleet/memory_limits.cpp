#include "supervisor/fleet/memory_limits.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "supervisor/fleet/cgroup_path.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kParentPrefix = "forkdex-";

// Who looks whether a group's supervisor lives holds its lock for a moment. A supervisor of the
// same name in another pid namespace holds it for good.
constexpr int kLockTries = 100;
constexpr std::chrono::milliseconds kBetweenLockTries{5};

std::string content(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Writes a value into a control file; the errno of what went wrong, or 0.
int set(const fs::path& file, std::string_view value) {
  const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!fd.valid()) return errno;
  const auto written = ::write(fd.get(), value.data(), value.size());
  return written == static_cast<ssize_t>(value.size()) ? 0 : errno;
}

/// The number after `key` in a file of "key number" lines; 0 without one.
std::uint64_t count_of(const fs::path& file, std::string_view key) {
  std::ifstream stream(file);
  std::string word;
  std::uint64_t number = 0;
  while (stream >> word >> number)
    if (word == key) return number;
  return 0;
}

/// The number that a file begins with; 0 without one.
std::uint64_t number_in(const fs::path& file) {
  std::ifstream stream(file);
  std::uint64_t number = 0;
  stream >> number;
  return number;
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

/// Removes a parent of workers' groups, unless one of them still has processes.
void remove_parent(const fs::path& parent) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(parent, error))
    if (entry.is_directory(error)) ::rmdir(entry.path().c_str());
  ::rmdir(parent.c_str());
}

}  // namespace

std::uint64_t anonymous_bytes(int pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string word; status >> word;) {
    std::uint64_t kibibytes = 0;
    if (word == "RssAnon:" && status >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

std::string_view MemoryLimits::name(Kind kind) {
  switch (kind) {
    case Kind::kV1:
      return "cgroup v1";
    case Kind::kV2:
      return "cgroup v2";
    case Kind::kNone:
      break;
  }
  return "RLIMIT_DATA only";
}

MemoryLimits::MemoryLimits(MemoryLimits&& other) noexcept
    : root_(std::move(other.root_)),
      kind_(other.kind_),
      shortcoming_(std::move(other.shortcoming_)),
      own_(std::move(other.own_)),
      parent_(std::exchange(other.parent_, {})),
      lock_(std::move(other.lock_)),
      beside_(std::move(other.beside_)),
      groups_(std::move(other.groups_)),
      bytes_(other.bytes_),
      kills_around_(other.kills_around_),
      recent_kills_around_(other.recent_kills_around_) {}

MemoryLimits::~MemoryLimits() {
  groups_.clear();
  if (!parent_.empty()) remove_parent(parent_);
  // The workers of a supervisor that was killed may have lived on for a moment when we started.
  if (!own_.empty()) remove_stale();
  if (beside_.valid()) undo_v2();
}

/// Gives our group back as it was, unless another supervisor is in it.
void MemoryLimits::undo_v2() const {
  if (::flock(beside_.get(), LOCK_EX | LOCK_NB) != 0) return;
  if (set(own_ / "cgroup.subtree_control", "-memory") != 0) return;
  set(own_ / "cgroup.procs", "0");
  ::rmdir((own_ / "supervisor").c_str());
}

MemoryLimits MemoryLimits::open(const fs::path& root) {
  MemoryLimits limits;
  limits.root_ = root;
  if (!limits.open_v2() && !limits.open_v1() && limits.shortcoming_.empty())
    limits.shortcoming_ = "there is no memory cgroup";
  limits.kills_around_ = limits.recent_kills_around_ = limits.kills_around();
  return limits;
}

bool MemoryLimits::open_v1() {
  const auto group = own_cgroup(content(root_ / "proc/self/cgroup"), "memory");
  const fs::path mount = root_ / "sys/fs/cgroup/memory";
  if (!group || !is_folder(mount)) return false;
  // A container that sees its own group as the mount has no folder of the path's name there.
  own_ = is_folder(mount / *group) ? mount / *group : mount;
  kind_ = Kind::kV1;
  if (make_parent()) return true;
  kind_ = Kind::kNone;
  return false;
}

/// Makes the group `ours` and moves this process into it. The errno of what went wrong, or 0.
int MemoryLimits::move_beside(const fs::path& ours) {
  do {
    if (::mkdir(ours.c_str(), 0755) != 0 && errno != EEXIST) return errno;
    beside_.reset(::open(ours.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // A supervisor that ends just now has it locked, and then it may be gone.
    if (beside_.valid() && ::flock(beside_.get(), LOCK_SH) != 0) return errno;
  } while (!beside_.valid() || !is_folder(ours));
  return set(ours / "cgroup.procs", "0");
}

bool MemoryLimits::open_v2() {
  const auto group = own_cgroup(content(root_ / "proc/self/cgroup"), "");
  const fs::path mount = root_ / "sys/fs/cgroup";
  if (!group || content(mount / "cgroup.controllers").empty()) return false;
  own_ = is_folder(mount / *group) ? mount / *group : mount;
  if (content(own_ / "cgroup.controllers").find("memory") == std::string::npos) return false;
  const fs::path ours = own_ / "supervisor";
  int error = move_beside(ours);
  if (error == 0) error = set(own_ / "cgroup.subtree_control", "+memory");
  if (error != 0) {
    // Others are in our group, or it is not ours to divide: back to where we were.
    shortcoming_ = fmt::format("{} cannot be divided ({})", own_.string(), ::strerror(error));
    set(own_ / "cgroup.procs", "0");
    beside_.reset();
    ::rmdir(ours.c_str());
    return false;
  }
  kind_ = Kind::kV2;
  if (make_parent()) return true;
  kind_ = Kind::kNone;
  return false;
}

/// Removes the groups of supervisors that were killed. The kernel lets go of a lock with its
/// holder, in whatever pid namespace that lived.
void MemoryLimits::remove_stale() const {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(own_, error)) {
    if (!entry.path().filename().string().starts_with(kParentPrefix)) continue;
    const UniqueFd folder(::open(entry.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.valid() && ::flock(folder.get(), LOCK_EX | LOCK_NB) == 0)
      remove_parent(entry.path());
  }
}

bool MemoryLimits::make_parent() {
  remove_stale();
  parent_ = own_ / fmt::format("{}{}", kParentPrefix, ::getpid());
  for (int tries = 0; tries < kLockTries; ++tries) {
    if (tries > 0) std::this_thread::sleep_for(kBetweenLockTries);
    if (::mkdir(parent_.c_str(), 0755) != 0 && errno != EEXIST) break;
    lock_.reset(::open(parent_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // Between the two lines another supervisor may have taken the folder for a dead one's.
    if (!lock_.valid() || ::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) continue;
    if (!is_folder(parent_)) continue;
    if (kind_ == Kind::kV2) set(parent_ / "cgroup.subtree_control", "+memory");
    return true;
  }
  shortcoming_ = fmt::format("{} cannot be divided ({})", own_.string(), ::strerror(errno));
  parent_.clear();
  return false;
}

std::optional<MemoryLimits::Group> MemoryLimits::make_group(unsigned place) const {
  Group group;
  group.folder = parent_ / fmt::format("worker-{}", place);
  if (::mkdir(group.folder.c_str(), 0755) != 0 && errno != EEXIST) return std::nullopt;
  const std::string bytes = std::to_string(bytes_);
  if (kind_ == Kind::kV2) {
    if (set(group.folder / "memory.max", bytes) != 0) return std::nullopt;
    set(group.folder / "memory.swap.max", "0");  // where there is swap
    set(group.folder / "memory.oom.group", "0");
  } else {
    if (set(group.folder / "memory.limit_in_bytes", bytes) != 0) return std::nullopt;
    if (fs::exists(group.folder / "memory.memsw.limit_in_bytes"))
      set(group.folder / "memory.memsw.limit_in_bytes", bytes);
  }
  const fs::path procs = group.folder / "cgroup.procs";
  group.procs.reset(::open(procs.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!group.procs.valid()) return std::nullopt;
  // Those of the workers that an earlier division put into it are told.
  group.kills = kills_in(group);
  group.hits = count_of(group.folder / "memory.events", "oom");
  return group;
}

void MemoryLimits::divide(unsigned places, std::uint64_t bytes) {
  bytes_ = bytes;
  groups_.clear();
  for (unsigned place = 0; kind_ != Kind::kNone && place < places; ++place) {
    auto group = make_group(place);
    if (!group) {
      shortcoming_ = fmt::format("{} cannot be set up ({})", parent_.string(), ::strerror(errno));
      kind_ = Kind::kNone;
      groups_.clear();
      return;
    }
    groups_.push_back(*std::move(group));
  }
}

ChildLimits MemoryLimits::of(unsigned place) const {
  ChildLimits limits;
  limits.first_to_go = true;
  // Page tables, stacks and the files it maps also count in the group: the wall stands before it.
  limits.data_bytes = bytes_ / 8 * 7;
  if (place < groups_.size()) limits.cgroup_procs_fd = groups_[place].procs.get();
  return limits;
}

bool MemoryLimits::confines(unsigned place, int pid) const {
  if (place >= groups_.size()) return true;
  std::ifstream members(groups_[place].folder / "cgroup.procs");
  for (int member = 0; members >> member;)
    if (member == pid) return true;
  return false;
}

void MemoryLimits::forget_older_kills() {
  kills_around_ = std::exchange(recent_kills_around_, kills_around());
}

/// Kills for memory outside any group of ours.
std::uint64_t MemoryLimits::kills_around() const {
  std::uint64_t kills = count_of(root_ / "proc/vmstat", "oom_kill");
  if (own_.empty()) return kills;
  return kills + count_of(own_ / "memory.oom_control", "oom_kill") +
         count_of(own_ / "memory.events", "oom_kill");
}

/// Kills for memory in a worker's group, since it was made.
std::uint64_t MemoryLimits::kills_in(const Group& group) const {
  const char* file = kind_ == Kind::kV2 ? "memory.events" : "memory.oom_control";
  return count_of(group.folder / file, "oom_kill");
}

/// Whether the group's own limit was met since the last question.
bool MemoryLimits::met_own_limit(Group& group) const {
  if (kind_ == Kind::kV2) {
    const std::uint64_t hits = count_of(group.folder / "memory.events", "oom");
    return std::exchange(group.hits, hits) < hits;
  }
  // v1 has a count of failures too, but with swap limited as well nothing is counted there.
  constexpr std::uint64_t kLastPages = 1 << 20;
  const fs::path peak = group.folder / "memory.max_usage_in_bytes";
  const bool met = number_in(peak) + kLastPages >= bytes_;
  set(peak, "0");  // the peak starts anew
  return met;
}

std::optional<std::string> MemoryLimits::oom_kill_seen(unsigned place) {
  const std::uint64_t around = kills_around();
  const bool seen_around = kills_around_ < around;
  kills_around_ = recent_kills_around_ = around;
  if (place >= groups_.size()) {
    if (!seen_around) return std::nullopt;
    return own_.empty() ? "machine" : "container";
  }
  // A group counts every kill of its processes, whoever's limit was met.
  Group& group = groups_[place];
  const std::uint64_t kills = kills_in(group);
  if (std::exchange(group.kills, kills) >= kills) return std::nullopt;
  return met_own_limit(group) ? "worker" : "container";
}

}  // namespace forkdex
