#include "supervisor/index/scope.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "common/path_text.h"

namespace forkdex {
namespace {

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

}  // namespace

std::vector<std::string> read_file_list(std::string_view text) {
  const char end = text.find('\0') == std::string_view::npos ? '\n' : '\0';
  std::vector<std::string> paths;
  while (!text.empty()) {
    std::string_view path = text.substr(0, text.find(end));
    text.remove_prefix(std::min(text.size(), path.size() + 1));
    if (end == '\n' && path.ends_with('\r')) path.remove_suffix(1);
    while (path.starts_with("./")) path.remove_prefix(2);
    if (!path.empty()) paths.emplace_back(path);
  }
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
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

bool RunScope::holds(std::string_view path) {
  if (shard_ && !shard_->holds(path)) return false;
  if (!listed_) return true;
  const auto found = std::lower_bound(listed_->begin(), listed_->end(), path);
  if (found == listed_->end() || *found != path) return false;
  met_[static_cast<std::size_t>(found - listed_->begin())] = true;
  return true;
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
