#include "supervisor/installation/locations.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <system_error>

namespace forkdex {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPackagedDependencies = "/usr/lib/forkdex";

fs::path home_of(uid_t user) {
  std::array<char, 4096> buffer;
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) != 0 || !found) return {};
  return found->pw_dir;
}

}  // namespace

fs::path executable_folder() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path();
}

fs::path dependencies_folder() { return dependencies_folder(executable_folder()); }

fs::path dependencies_folder(const fs::path& executable_folder) {
  const fs::path beside = executable_folder.parent_path().parent_path() / "deps";
  std::error_code error;
  return fs::exists(beside / "postgresql", error) || fs::exists(beside / "model", error)
             ? beside
             : fs::path(kPackagedDependencies);
}

fs::path worker_executable() { return executable_folder() / "worker"; }

fs::path default_model_folder() { return dependencies_folder() / "model"; }

Result<fs::path> data_folder() { return data_folder(current_environment(), ::geteuid()); }

Result<fs::path> data_folder(const Environment& environment, uid_t user) {
  // The XDG base directory specification has relative paths ignored.
  if (const fs::path xdg = value_of(environment, "XDG_DATA_HOME"); xdg.is_absolute())
    return xdg / "forkdex";
  if (user == 0) return fs::path(kRootDataFolder);
  fs::path home = value_of(environment, "HOME");
  if (!home.is_absolute()) home = home_of(user);
  if (!home.is_absolute())
    return Error{ErrorCode::kConfigInvalid,
                 "There is no folder to keep data in: neither XDG_DATA_HOME nor HOME is set and "
                 "the user has no home; set XDG_DATA_HOME to a folder of this user",
                 "uid " + std::to_string(user)};
  return home / ".local/share/forkdex";
}

Result<fs::path> cache_folder() {
  Result<fs::path> data = data_folder();
  if (!data) return data;
  return *data / "cache";
}

}  // namespace forkdex
