#include "supervisor/repository/git/object_folders.h"

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <string>
#include <system_error>

namespace forkdex {
namespace {

namespace fs = std::filesystem;

/// Nobody chains more; a list that names itself over and over ends here.
constexpr std::size_t kMostFolders = 64;

/// What an object store borrows from; a relative path starts at the store.
std::vector<fs::path> alternates_of(const fs::path& objects) {
  std::vector<fs::path> alternates;
  std::ifstream file(objects / "info" / "alternates");
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && line[0] != '#') alternates.push_back(objects / line);
  return alternates;
}

/// `folder` without symbolic links and a slash at its end; empty where it is not there.
fs::path resolved(const fs::path& folder) {
  std::error_code problem;
  fs::path found = fs::canonical(folder, problem);
  return problem ? fs::path() : found;
}

/// Whether `folder` is an object store by its name, or by what it holds.
bool is_object_store(const fs::path& folder) {
  std::error_code ignored;
  return folder.filename() == "objects" ||
         (fs::is_directory(folder / "pack", ignored) && fs::is_directory(folder / "info", ignored));
}

}  // namespace

std::vector<fs::path> object_folders_of(const fs::path& own) {
  std::vector<fs::path> folders;
  const auto add = [&](const fs::path& folder) {
    if (!folder.empty() && std::find(folders.begin(), folders.end(), folder) == folders.end())
      folders.push_back(folder);
  };
  add(resolved(own));
  // Grows as alternates of alternates are found.
  for (std::size_t i = 0; i < folders.size() && folders.size() < kMostFolders; ++i)
    for (const fs::path& alternate : alternates_of(folders[i]))
      if (const fs::path found = resolved(alternate); is_object_store(found)) add(found);
  return folders;
}

}  // namespace forkdex
