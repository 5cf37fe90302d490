#include "tests/support/changing_tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <stdexcept>

#include "tests/support/git_folder.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;

constexpr int kFilesAtFirst = 12;
constexpr unsigned kDefinitions = 40;  // few, so that a text stands in several files and comes back
constexpr std::size_t kGeneratedBytes = 33 << 10;
constexpr std::size_t kLargeBytes = 70 << 10;

// Names that sort differently with and without their separator, and stand in each other's way.
constexpr const char* kFolders[] = {"", "", "src/", "src/deep/", "lib/", "lib.d/", "\xC3\xA4/"};
constexpr const char* kStems[] = {"a", "b", "lib", "src", "x y", "a-b", "back\\slash", "\xFF"};
constexpr const char* kEndings[] = {".py", ".py", ".py", ".ts", ".md", ".txt", ""};

constexpr const char* kRules[] = {"*.md\n", "src/deep/\n", "/lib\n", "*.py\n!a.py\n", "b.*\n", ""};

std::string definition(const std::string& path, unsigned n) {
  const std::string id = std::to_string(n);
  if (path.ends_with(".py")) return "def f" + id + "():\n    return " + id + "\n\n\n";
  if (path.ends_with(".ts"))
    return "export function f" + id + "(): number {\n  return " + id + ";\n}\n";
  if (path.ends_with(".md")) return "# Heading " + id + "\n\nA paragraph about " + id + ".\n\n";
  return "line " + id + " of a text\n";
}

template <std::size_t count>
const char* pick(const char* const (&all)[count], unsigned n) {
  return all[n % count];
}

std::string content_of(const fs::path& path) {
  return fs::is_symlink(path) ? std::string() : read_file(path);
}

}  // namespace

struct ChangingTree::Entry {
  Change change;
  const char* name;
  int weight;
  bool of_git;
};

ChangingTree::ChangingTree(Kind kind, unsigned seed)
    : kind_(kind), random_(seed), tree_(folder_ / "tree") {
  fs::create_directory(tree_);
  for (int i = 0; i < kFilesAtFirst; ++i) add();
  if (kind_ == Kind::kFolder) return;
  must_git({"init", "-q", "-b", "main"});
  commit();
}

std::string ChangingTree::change() {
  static constexpr Entry kChanges[] = {
      {&ChangingTree::edit, "edit", 6, false},
      {&ChangingTree::edit_unseen, "edit, keeping size and time", 2, false},
      {&ChangingTree::add, "add", 4, false},
      {&ChangingTree::remove, "remove", 3, false},
      {&ChangingTree::rename, "rename", 4, false},
      {&ChangingTree::rename_folder, "rename folder", 2, false},
      {&ChangingTree::copy, "copy", 2, false},
      {&ChangingTree::chmod, "chmod", 2, false},
      {&ChangingTree::link, "link", 1, false},
      {&ChangingTree::touch, "touch", 2, false},
      {&ChangingTree::renew_inodes, "copy all to new inodes", 1, false},
      {&ChangingTree::ignore, "ignore rules", 2, false},
      {&ChangingTree::commit, "commit", 6, true},
      {&ChangingTree::amend, "amend", 2, true},
      {&ChangingTree::switch_branch, "switch", 6, true},
      {&ChangingTree::detach, "detach", 1, true},
      {&ChangingTree::start_anew, "orphan", 1, true},
      {&ChangingTree::reset, "reset", 2, true},
      {&ChangingTree::merge, "merge", 4, true},
      {&ChangingTree::rebase, "rebase", 4, true},
      {&ChangingTree::revert, "revert", 1, true},
      {&ChangingTree::collect_garbage, "gc", 2, true},
      {&ChangingTree::check_out_again, "check out again", 1, true},
      {&ChangingTree::untrack, "untrack", 1, true},
      {&ChangingTree::make_sparse, "sparse", 1, true},
      {&ChangingTree::convert, "attributes", 1, true},
      {&ChangingTree::nest, "nested repository", 1, true},
  };
  int total = 0;
  for (const Entry& entry : kChanges)
    if (kind_ == Kind::kRepository || !entry.of_git) total += entry.weight;
  for (;;) {
    int left = static_cast<int>(draw(static_cast<std::size_t>(total)));
    for (const Entry& entry : kChanges) {
      if (kind_ != Kind::kRepository && entry.of_git) continue;
      left -= entry.weight;
      if (left >= 0) continue;
      if (const auto done = (this->*entry.change)()) return std::string(entry.name) + " " + *done;
      break;
    }
  }
}

std::vector<std::string> ChangingTree::files() const {
  Strings found;
  for (auto at = fs::recursive_directory_iterator(tree_); at != fs::end(at); ++at) {
    if (at->path().filename() == ".git") {
      at.disable_recursion_pending();
      continue;
    }
    if (!at->is_directory() || at->is_symlink())
      found.push_back(at->path().native().substr(tree_.native().size() + 1));
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string ChangingTree::draw_path() {
  std::string path = pick(kFolders, draw(std::size(kFolders)));
  path += pick(kStems, draw(std::size(kStems)));
  return path + pick(kEndings, draw(std::size(kEndings)));
}

std::string ChangingTree::draw_content(const std::string& path) {
  switch (draw(24)) {
    case 0:
      return "";
    case 1:
      return std::string("\0binary", 7) + std::to_string(draw(4));
    case 2:
      return "# caf\xE9 " + std::to_string(draw(4)) + "\n";  // Latin-1
    case 3:
      return std::string("\xFF\xFE\0\xD8", 4) + std::to_string(draw(4));  // UTF-16 that is none
    case 4:
      return std::string(kGeneratedBytes + draw(4), 'x');
    case 5:
      return std::string(kLargeBytes + draw(4), '\n');
    default: {
      std::string content;
      for (unsigned left = 1 + draw(4); left > 0; --left)
        content += definition(path, draw(kDefinitions));
      return content;
    }
  }
}

std::optional<std::string> ChangingTree::draw_file() {
  Strings all = files();
  std::erase_if(all, [](const std::string& path) { return path.starts_with(".git"); });
  if (all.empty()) return std::nullopt;
  return all[draw(all.size())];
}

std::optional<std::string> ChangingTree::draw_branch() {
  static constexpr const char* kBranches[] = {"main", "topic", "other"};
  const std::string branch = pick(kBranches, draw(std::size(kBranches)));
  if (git({"rev-parse", "-q", "--verify", "refs/heads/" + branch})) return branch;
  return std::nullopt;
}

void ChangingTree::write(const std::string& path, const std::string& content) {
  clear_way(path);
  if (fs::is_symlink(tree_ / path)) fs::remove(tree_ / path);
  folder_.write(fs::path("tree") / path, content);
}

void ChangingTree::clear_way(const std::string& path) {
  for (std::size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
    const fs::path parent = tree_ / path.substr(0, end);
    if (fs::is_symlink(parent) || fs::is_regular_file(parent)) fs::remove(parent);
  }
  if (fs::is_directory(fs::symlink_status(tree_ / path))) fs::remove_all(tree_ / path);
}

bool ChangingTree::git(const Strings& arguments) {
  try {
    must_git(arguments);
    return true;
  } catch (const std::runtime_error&) {
    return false;  // there was nothing to do it to, or it met a conflict and was left there
  }
}

void ChangingTree::must_git(const Strings& arguments) { run_git(tree_, arguments, "", ++clock_); }

/// Whatever a merge, rebase or revert left in the middle.
void ChangingTree::end_unfinished() {
  git({"rebase", "--quit"});
  must_git({"reset", "-q", "--hard"});
}

std::optional<std::string> ChangingTree::edit() {
  const auto file = draw_file();
  if (!file) return std::nullopt;
  write(*file, draw_content(*file));
  return file;
}

/// Other bytes, as many as before, under the time that the file had.
std::optional<std::string> ChangingTree::edit_unseen() {
  const auto file = draw_file();
  if (!file || fs::is_symlink(tree_ / *file)) return std::nullopt;
  const auto time = fs::last_write_time(tree_ / *file);
  std::string content = read_file(tree_ / *file);
  for (char& c : content)
    if (c >= '0' && c <= '9') c = static_cast<char>('0' + (c - '0' + 1) % 10);
  write(*file, content);
  fs::last_write_time(tree_ / *file, time);
  return file;
}

std::optional<std::string> ChangingTree::add() {
  const std::string path = draw_path();
  write(path, draw_content(path));
  return path;
}

std::optional<std::string> ChangingTree::remove() {
  const auto file = draw_file();
  if (file) fs::remove(tree_ / *file);
  return file;
}

std::optional<std::string> ChangingTree::rename() {
  const auto file = draw_file();
  if (!file) return std::nullopt;
  const std::string to = draw_path();
  const std::string content = content_of(tree_ / *file);
  fs::remove(tree_ / *file);
  write(to, content);
  return *file + " to " + to;
}

std::optional<std::string> ChangingTree::rename_folder() {
  const std::string from = pick(kFolders, 2 + draw(std::size(kFolders) - 2));
  const fs::path source = tree_ / from.substr(0, from.size() - 1);
  const fs::path target = tree_ / ("moved" + std::to_string(draw(3)));
  if (!fs::is_directory(source) || fs::exists(target)) return std::nullopt;
  fs::rename(source, target);
  return from + " to " + target.filename().string();
}

std::optional<std::string> ChangingTree::copy() {
  const auto file = draw_file();
  if (!file) return std::nullopt;
  const std::string to = draw_path();
  write(to, content_of(tree_ / *file));
  return *file + " to " + to;
}

std::optional<std::string> ChangingTree::chmod() {
  const auto file = draw_file();
  if (!file || fs::is_symlink(tree_ / *file)) return std::nullopt;
  ::chmod((tree_ / *file).c_str(), draw(2) == 0 ? 0755 : 0644);
  return file;
}

std::optional<std::string> ChangingTree::link() {
  const std::string path = draw_path();
  write(path, "");
  fs::remove(tree_ / path);
  const std::string to = draw(2) == 0 ? "src" : "a.py";
  fs::create_symlink(to, tree_ / path);
  return path + " to " + to;
}

std::optional<std::string> ChangingTree::touch() {
  const auto file = draw_file();
  if (!file || fs::is_symlink(tree_ / *file)) return std::nullopt;
  fs::last_write_time(tree_ / *file, fs::file_time_type::clock::now());
  return file;
}

std::optional<std::string> ChangingTree::renew_inodes() {
  const fs::path aside = folder_ / "aside";
  fs::rename(tree_, aside);
  fs::copy(aside, tree_, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  fs::remove_all(aside);
  return "";
}

std::optional<std::string> ChangingTree::ignore() {
  const std::string where = draw(3) == 0 ? "src/.gitignore" : ".gitignore";
  const std::string rules = pick(kRules, draw(std::size(kRules)));
  write(where, rules);
  return where + ": " + rules;
}

std::optional<std::string> ChangingTree::commit() {
  must_git({"add", "-A"});
  const std::string message = "Change number " + std::to_string(clock_);
  must_git({"commit", "-q", "--allow-empty", "-m", message});
  return message;
}

std::optional<std::string> ChangingTree::amend() {
  must_git({"add", "-A"});
  if (!git({"commit", "-q", "--amend", "-m", "Amended " + std::to_string(clock_)}))
    return std::nullopt;
  return "";
}

std::optional<std::string> ChangingTree::switch_branch() {
  static constexpr const char* kBranches[] = {"main", "topic", "other"};
  const std::string branch = pick(kBranches, draw(std::size(kBranches)));
  end_unfinished();
  if (!git({"checkout", "-q", "-f", branch})) must_git({"checkout", "-q", "-f", "-b", branch});
  return branch;
}

std::optional<std::string> ChangingTree::detach() {
  end_unfinished();
  const std::string commit = "HEAD~" + std::to_string(draw(3));
  if (!git({"checkout", "-q", "-f", "--detach", commit})) return std::nullopt;
  return commit;
}

/// Another root commit, or for now none at all.
std::optional<std::string> ChangingTree::start_anew() {
  if (!git({"checkout", "-q", "--orphan", "anew" + std::to_string(clock_)})) return std::nullopt;
  if (draw(3) > 0) commit();
  return "";
}

std::optional<std::string> ChangingTree::reset() {
  const std::string how = draw(2) == 0 ? "--hard" : "--mixed";
  const std::string to = "HEAD~" + std::to_string(1 + draw(2));
  if (!git({"reset", "-q", how, to})) return std::nullopt;
  return how + " " + to;
}

std::optional<std::string> ChangingTree::merge() {
  const auto branch = draw_branch();
  if (!branch) return std::nullopt;
  commit();
  const bool whole = git({"merge", "-q", "--no-ff", "-m", "Merge " + *branch, *branch});
  return *branch + (whole ? "" : ", left with conflicts");
}

std::optional<std::string> ChangingTree::rebase() {
  const auto branch = draw_branch();
  if (!branch) return std::nullopt;
  commit();
  const bool whole = draw(3) == 0 ? git({"rebase", "-q", "--force-rebase", "--root"})
                                  : git({"rebase", "-q", *branch});
  return *branch + (whole ? "" : ", left in the middle");
}

std::optional<std::string> ChangingTree::revert() {
  commit();
  if (git({"revert", "--no-edit", "HEAD~1"})) return "";
  return "left in the middle";
}

std::optional<std::string> ChangingTree::collect_garbage() {
  must_git({"reflog", "expire", "--expire=now", "--all"});
  must_git({"gc", "-q", "--prune=now"});
  return "";
}

std::optional<std::string> ChangingTree::check_out_again() {
  for (const auto& entry : fs::directory_iterator(tree_))
    if (entry.path().filename() != ".git") fs::remove_all(entry.path());
  end_unfinished();
  return "";
}

std::optional<std::string> ChangingTree::untrack() {
  const auto file = draw_file();
  if (!file || !git({"rm", "-q", "--cached", "--", *file})) return std::nullopt;
  return file;
}

std::optional<std::string> ChangingTree::make_sparse() {
  const auto file = draw_file();
  if (!file || !git({"update-index", "--skip-worktree", "--", *file})) return std::nullopt;
  if (draw(2) == 0) fs::remove(tree_ / *file);
  return file;
}

std::optional<std::string> ChangingTree::convert() {
  static constexpr const char* kAttributes[] = {"*.py text eol=crlf\n", "*.ts -text\n", ""};
  const std::string attributes = pick(kAttributes, draw(std::size(kAttributes)));
  write(".gitattributes", attributes);
  return attributes;
}

std::optional<std::string> ChangingTree::nest() {
  const std::string path = draw(2) == 0 ? "nested" : "lib/nested";
  clear_way(path + "/file.py");
  fs::create_directories(tree_ / path);
  if (fs::exists(tree_ / path / ".git")) {
    fs::remove_all(tree_ / path / ".git");
    return path + ", no repository any more";
  }
  write(path + "/file.py", definition("file.py", draw(kDefinitions)));
  for (const Strings& arguments : {Strings{"init", "-q"}, Strings{"add", "-A"},
                                   Strings{"commit", "-q", "--allow-empty", "-m", "Nested"}})
    run_git(tree_ / path, arguments, "", ++clock_);
  return path;
}

}  // namespace forkdex::test
