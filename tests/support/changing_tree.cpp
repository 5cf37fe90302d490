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
    : kind_(kind), random_(seed), tree_(folder_ / "top/tree") {
  fs::create_directories(tree_);
  for (int i = 0; i < kFilesAtFirst; ++i) add();
  if (!in_git()) return;
  const fs::path top = kind_ == Kind::kRepository ? tree_ : tree_.parent_path();
  run_git(top, {"init", "-q", "-b", "main"});
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
      {&ChangingTree::change_outside, "outside", 2, true},
  };
  int total = 0;
  for (const Entry& entry : kChanges)
    if (in_git() || !entry.of_git) total += entry.weight;
  for (;;) {
    int left = static_cast<int>(draw(static_cast<std::size_t>(total)));
    for (const Entry& entry : kChanges) {
      if (!in_git() && entry.of_git) continue;
      left -= entry.weight;
      if (left >= 0) continue;
      const auto done = (this->*entry.change)();
      fs::create_directories(tree_);  // git may have taken it away with its last file
      if (done) return std::string(entry.name) + " " + *done;
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
    if (!fs::is_directory(at->symlink_status()))
      found.push_back(at->path().native().substr(tree_.native().size() + 1));
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string ChangingTree::draw_path() {
  std::string path = pick(kFolders);
  path += pick(kStems);
  return path + pick(kEndings);
}

std::string ChangingTree::draw_definition(const std::string& path) {
  return definition(path, draw(kDefinitions));
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
      for (unsigned left = 1 + draw(4); left > 0; --left) content += draw_definition(path);
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

void ChangingTree::write(const std::string& path, const std::string& content) {
  clear_way(path);
  if (fs::is_symlink(tree_ / path)) fs::remove(tree_ / path);
  folder_.write(fs::path("top/tree") / path, content);
}

void ChangingTree::clear_way(const std::string& path) {
  for (std::size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
    const fs::path parent = tree_ / path.substr(0, end);
    if (fs::is_symlink(parent) || fs::is_regular_file(parent)) fs::remove(parent);
  }
  if (fs::is_directory(fs::symlink_status(tree_ / path))) fs::remove_all(tree_ / path);
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
  const std::string from = kFolders[2 + draw(std::size(kFolders) - 2)];
  const fs::path source = tree_ / from.substr(0, from.size() - 1);
  const fs::path target = tree_ / ("moved" + std::to_string(draw(3)));
  if (!fs::is_directory(fs::symlink_status(source)) || fs::exists(target)) return std::nullopt;
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
  const std::string rules = pick(kRules);
  write(where, rules);
  return where + ": " + rules;
}

/// What stands beside the indexed folder in its repository, with rules that hold within.
std::optional<std::string> ChangingTree::change_outside() {
  if (kind_ != Kind::kFolderOfRepository) return std::nullopt;
  if (draw(3) == 0) {
    const std::string rules = pick(kRules);
    write("../.gitignore", rules);
    return ".gitignore: " + rules;
  }
  write("../outside.py", draw_definition("outside.py"));
  return "outside.py";
}

}  // namespace forkdex::test
