#include "supervisor/run/scope.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "common/base/path_text.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostShown = 3;

struct Close {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

Result<std::string> read_whole(const std::string& name) {
  const auto failed = [&] {
    return system_error(ErrorCode::kUsage,
                        fmt::format("--files-from {} cannot be read: give a file of paths, or - "
                                    "for standard input",
                                    display_path(name)),
                        errno);
  };
  const std::unique_ptr<std::FILE, Close> file(name == "-" ? stdin
                                                           : std::fopen(name.c_str(), "rbe"));
  if (!file) return failed();
  std::string text;
  char piece[1 << 16];
  for (std::size_t got = 0; (got = std::fread(piece, 1, sizeof piece, file.get())) > 0;)
    text.append(piece, got);
  if (std::ferror(file.get())) return failed();
  return text;
}

void sort_once_each(std::vector<std::string>& paths) {
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
}

/// Finds the paths of a list below the repository's root.
class Below {
 public:
  explicit Below(const std::string& root) : root_(root) {}

  /// `path` below the root without detours, or nothing where it is not below it.
  std::optional<std::string> operator()(const std::string& path) {
    const bool is_plain = !path.starts_with('/') && path.find("//") == std::string::npos &&
                          path.find("./") == std::string::npos && !path.ends_with('.');
    if (is_plain) return path;
    const fs::path normal = fs::path(path).lexically_normal();
    if (!normal.is_absolute())
      return is_inside(normal) ? std::optional(normal.native()) : std::nullopt;
    for (const fs::path* top : {&root_, &link_})
      if (const fs::path relative = normal.lexically_relative(*top); is_inside(relative))
        return relative.native();
    return through_link(normal);
  }

 private:
  static bool is_inside(const fs::path& relative) {
    return !relative.empty() && !relative.is_absolute() && *relative.begin() != "..";
  }

  /// What follows the first folder of `path` that is the root by another name.
  std::optional<std::string> through_link(const fs::path& path) {
    fs::path top;
    for (const fs::path& part : path.parent_path()) {
      top /= part;
      std::error_code ignored;
      if (fs::canonical(top, ignored) != root_) continue;
      link_ = top;
      return path.lexically_relative(top).native();
    }
    return std::nullopt;
  }

  fs::path root_;  // without symbolic links, or a URL
  fs::path link_;  // another name of it that the list has used
};

}  // namespace

std::vector<std::string> read_file_list(std::string_view text) {
  const char end = text.find('\0') == std::string_view::npos ? '\n' : '\0';
  std::vector<std::string> paths;
  while (!text.empty()) {
    std::string_view path = text.substr(0, text.find(end));
    text.remove_prefix(std::min(text.size(), path.size() + 1));
    if (end == '\n' && path.ends_with('\r')) path.remove_suffix(1);
    while (path.starts_with("./"))
      path.remove_prefix(std::min(path.find_first_not_of('/', 1), path.size()));
    if (!path.empty()) paths.emplace_back(path);
  }
  sort_once_each(paths);
  return paths;
}

Result<RunScope> RunScope::open(const Settings& settings) {
  RunScope scope;
  scope.shard_ = settings.shard;
  if (settings.files_from.empty()) return scope;
  auto text = read_whole(settings.files_from);
  if (!text) return text.error();
  scope.listed_ = read_file_list(*text);
  scope.met_.resize(scope.listed_->size());
  return scope;
}

Result<void> RunScope::settle_in(const std::string& root) {
  if (!listed_) return {};
  Below below(root);
  for (std::string& path : *listed_) {
    auto found = below(path);
    if (!found)
      return Error{ErrorCode::kUsage,
                   fmt::format("--files-from names {}, which is not below {}: give paths in it",
                               display_path(path), display_path(root)),
                   ""};
    path = *std::move(found);
  }
  sort_once_each(*listed_);
  met_.assign(listed_->size(), false);
  return {};
}

bool RunScope::holds(std::string_view path) {
  if (shard_ && !shard_->holds(path)) return false;
  if (!listed_) return true;
  const auto found = std::lower_bound(listed_->begin(), listed_->end(), path);
  if (found == listed_->end() || *found != path) return false;
  met_[static_cast<std::size_t>(found - listed_->begin())] = true;
  return true;
}

std::optional<std::vector<Sha256>> RunScope::path_hashes() const {
  if (!listed_) return std::nullopt;
  std::vector<Sha256> hashes;
  for (const std::string& path : *listed_) hashes.push_back(sha256(path));
  return hashes;
}

RunScope::Unmet RunScope::unmet() const {
  Unmet unmet;
  for (std::size_t i = 0; i < met_.size(); ++i) {
    const std::string& path = (*listed_)[i];
    if (met_[i] || (shard_ && !shard_->holds(path))) continue;
    if (++unmet.count <= kMostShown) unmet.some.push_back(path);
  }
  return unmet;
}

}  // namespace forkdex
