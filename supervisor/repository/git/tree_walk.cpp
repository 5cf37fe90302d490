#include "supervisor/repository/git/tree_walk.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <git2.h>

#include "common/base/path_text.h"
#include "common/jobs/file_facts.h"

namespace forkdex {
namespace {

struct Free {
  void operator()(git_commit* commit) const { git_commit_free(commit); }
  void operator()(git_tree* tree) const { git_tree_free(tree); }
  void operator()(git_tree_entry* entry) const { git_tree_entry_free(entry); }
  void operator()(git_odb* objects) const { git_odb_free(objects); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

std::string last_message() {
  const git_error* error = git_error_last();
  return error && error->message ? error->message : "no reason given";
}

Error unreadable(std::string_view what) {
  return {ErrorCode::kRepositoryUnusable, fmt::format("{}: {}", what, last_message()), ""};
}

bool is_folder(const git_tree_entry* entry) {
  return git_tree_entry_filemode_raw(entry) == GIT_FILEMODE_TREE;
}

/// Whether a file or folder can be called so.
bool is_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos;
}

ListedFile::Kind kind_of(std::uint32_t mode) {
  if (mode == GIT_FILEMODE_COMMIT) return ListedFile::Kind::kSubmodule;
  return (mode & 0170000) == 0100000 ? ListedFile::Kind::kRegular : ListedFile::Kind::kNotRegular;
}

}  // namespace

Result<git_oid> TreeWalk::tree_of(const std::string& commit, const std::string& prefix) const {
  git_oid oid;
  git_commit* found = nullptr;
  git_tree* tree = nullptr;
  if (git_oid_fromstr(&oid, commit.c_str()) != 0 ||
      git_commit_lookup(&found, repository_.handle(), &oid) != 0)
    return unreadable(fmt::format("commit {} cannot be read", commit));
  const Owned<git_commit> owned_commit(found);
  if (git_commit_tree(&tree, found) != 0)
    return unreadable(fmt::format("the tree of commit {} cannot be read", commit));
  const Owned<git_tree> owned_tree(tree);
  if (prefix.empty()) return *git_tree_id(tree);
  git_tree_entry* entry = nullptr;
  const std::string folder = prefix.substr(0, prefix.size() - 1);
  const int status = git_tree_entry_bypath(&entry, tree, folder.c_str());
  const Owned<git_tree_entry> owned_entry(entry);
  if (status == 0 && is_folder(entry)) return *git_tree_entry_id(entry);
  return Error{ErrorCode::kUsage,
               fmt::format("commit {} has no folder {}; give the top of the work tree, or a commit "
                           "that has it",
                           commit, display_path(folder)),
               ""};
}

Result<std::vector<TreeWalk::Entry>> TreeWalk::read_tree(const git_oid& oid) const {
  git_tree* tree = nullptr;
  if (git_tree_lookup(&tree, repository_.handle(), &oid) != 0)
    return unreadable("the folder's tree cannot be read");
  const Owned<git_tree> owned(tree);
  std::vector<Entry> entries(git_tree_entrycount(tree));
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const git_tree_entry* entry = git_tree_entry_byindex(tree, i);
    entries[i] = {git_tree_entry_name(entry), *git_tree_entry_id(entry),
                  static_cast<std::uint32_t>(git_tree_entry_filemode_raw(entry))};
    if (!is_name(entries[i].name))
      return Error{ErrorCode::kRepositoryUnusable, "the folder's tree holds a name no file has",
                   ""};
    if (is_folder(entry)) entries[i].name += '/';
  }
  const auto by_name = [](const Entry& left, const Entry& right) { return left.name < right.name; };
  std::sort(entries.begin(), entries.end(), by_name);
  const auto twice = std::adjacent_find(
      entries.begin(), entries.end(),
      [](const Entry& left, const Entry& right) { return left.name == right.name; });
  if (twice != entries.end())
    return Error{ErrorCode::kRepositoryUnusable, "the folder's tree holds a name twice", ""};
  return entries;
}

Result<void> TreeWalk::run(const std::string& commit, const std::string& prefix) {
  const auto tree = tree_of(commit, prefix);
  if (!tree) return tree.error();
  git_odb* objects = nullptr;
  if (git_repository_odb(&objects, repository_.handle()) != 0)
    return unreadable("the object store cannot be read");
  const Owned<git_odb> owned(objects);
  auto top = read_tree(*tree);
  if (!top) return top.error();
  frames_.push_back({*std::move(top), 0, 0});
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    path_.resize(frame.path_bytes);
    if (frame.next == frame.entries.size()) {
      frames_.pop_back();
      continue;
    }
    const Entry entry = std::move(frame.entries[frame.next++]);
    path_ += entry.name;
    visit_entry(entry, objects);
  }
  return {};
}

void TreeWalk::visit_entry(const Entry& entry, git_odb* objects) {
  if (entry.mode == GIT_FILEMODE_TREE) return visit_folder(entry);
  if (path_.size() > kMaxPathBytes) return report_unreadable("File name too long");
  ListedFile file;
  file.path = path_;
  file.kind = kind_of(entry.mode);
  file.blob_oid.emplace(GIT_OID_HEXSZ, '\0');
  git_oid_fmt(file.blob_oid->data(), &entry.oid);
  file.blob_is_current = file.in_store = true;
  if (file.kind != ListedFile::Kind::kSubmodule) {
    git_object_t type = GIT_OBJECT_INVALID;
    std::size_t size = 0;
    const bool found = git_odb_read_header(&size, &type, objects, &entry.oid) == 0;
    // A link is not read: one that is missing costs nothing but its size.
    const bool is_read = file.kind == ListedFile::Kind::kRegular;
    if (!found && is_read) return report_unreadable(why_missing(last_message()));
    if (found && type != GIT_OBJECT_BLOB && is_read)
      return report_unreadable("the object is no blob");
    file.size = size;
  }
  visit_(std::move(file));
}

void TreeWalk::visit_folder(const Entry& entry) {
  if (path_.size() > kMaxPathBytes) return report_unreadable("File name too long");
  auto entries = read_tree(entry.oid);
  if (!entries) return report_unreadable(why_missing(entries.error().sentence));
  frames_.push_back({*std::move(entries), 0, path_.size()});
}

/// Nothing is fetched for a repository that is not ours.
std::string TreeWalk::why_missing(std::string message) const {
  if (!repository_.is_partial()) return message;
  return "a partial clone does not hold it: clone without --filter (" + message + ")";
}

void TreeWalk::report_unreadable(std::string note) {
  ListedFile file;
  file.path = path_;
  file.kind = ListedFile::Kind::kUnreadable;
  file.note = std::move(note);
  visit_(std::move(file));
}

}  // namespace forkdex
