#pragma once

// Where things stand on this machine: what was installed, and where data may be kept. Nothing here
// creates or opens anything.

#include <sys/types.h>

#include <filesystem>

#include "common/error/result.h"
#include "supervisor/installation/environment.h"

namespace forkdex {

/// The folder of the running program, symbolic links resolved.
std::filesystem::path executable_folder();

/// What deploy/setup installed: <executable_folder>/../../deps if it is there, else
/// /usr/lib/forkdex. Its parts: postgresql/, model/.
std::filesystem::path dependencies_folder();
std::filesystem::path dependencies_folder(const std::filesystem::path& executable_folder);

/// The `worker` program, beside the running one.
std::filesystem::path worker_executable();

/// The bundled model (a Hugging Face folder).
std::filesystem::path default_model_folder();

/// Root's data folder where XDG_DATA_HOME names no other.
inline constexpr const char* kRootDataFolder = "/var/lib/forkdex";

/// Where databases, clones and caches are kept: $XDG_DATA_HOME/forkdex; else /var/lib/forkdex for
/// root and ~/.local/share/forkdex for others. The folder may not exist yet.
/// ERRORS kConfigInvalid when neither the environment nor the user table names a home.
Result<std::filesystem::path> data_folder();
Result<std::filesystem::path> data_folder(const Environment& environment, uid_t user);

/// data_folder()/cache: may be deleted at any time. ERRORS as data_folder.
Result<std::filesystem::path> cache_folder();

}  // namespace forkdex
