// What git does to a tree.

#include <algorithm>
#include <stdexcept>

#include "tests/support/changing_tree.h"
#include "tests/support/git_folder.h"

namespace forkdex::test {
namespace {
namespace fs = std::filesystem;

constexpr const char* kBranches[] = {"main", "topic", "other"};
constexpr const char* kAttributes[] = {"*.py text eol=crlf\n", "*.ts -text\n", ""};

}  // namespace

std::optional<std::string> ChangingTree::draw_branch() {
  const std::string branch = pick(kBranches);
  if (git({"rev-parse", "-q", "--verify", "refs/heads/" + branch})) return branch;
  return std::nullopt;
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
  const std::string branch = pick(kBranches);
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
  const std::string attributes = pick(kAttributes);
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
  write(path + "/file.py", draw_definition("file.py"));
  for (const Strings& arguments : {Strings{"init", "-q"}, Strings{"add", "-A"},
                                   Strings{"commit", "-q", "--allow-empty", "-m", "Nested"}})
    run_git(tree_ / path, arguments, "", ++clock_);
  return path;
}

}  // namespace forkdex::test
