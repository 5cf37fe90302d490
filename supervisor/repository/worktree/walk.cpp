#include "supervisor/repository/worktree/walk.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "common/base/clock.h"
#include "common/base/glob.h"
#include "common/jobs/file_facts.h"

namespace forkdex {
namespace {

/// Folders whose descriptors stay open: the innermost ones.
constexpr std::size_t kOpenFolders = 32;

constexpr std::string_view kIgnoreFileName = ".gitignore";
constexpr std::string_view kAttributesFileName = ".gitattributes";

enum Tag : std::uint8_t { kPlain, kTrackedOnly, kRepository };

std::string error_text(int error) {
  if (error == EBADF) return "the folder was moved while it was listed";  // reopen() gave up
  return std::generic_category().message(error);
}

/// Whether the walk goes into the entry, so that it sorts as `name/`.
bool is_entered(const FolderNames::Entry& entry) {
  return entry.type == EntryType::kFolder && entry.tag != kRepository;
}

/// What follows the shared part of two names, as byte order of whole paths sees it.
int next_byte(std::string_view name, std::size_t i, bool entered) {
  if (i < name.size()) return static_cast<unsigned char>(name[i]);
  return entered ? '/' : -1;
}

void sort_by_path(FolderNames& names) {
  auto& entries = names.entries();
  std::sort(entries.begin(), entries.end(), [&](const auto& left, const auto& right) {
    const std::string_view a = names.name(left);
    const std::string_view b = names.name(right);
    const std::size_t shared = std::min(a.size(), b.size());
    const int order = std::memcmp(a.data(), b.data(), shared);
    if (order != 0) return order < 0;
    return next_byte(a, shared, is_entered(left)) < next_byte(b, shared, is_entered(right));
  });
}

}  // namespace

Walk::Walk(UniqueFd root, std::string prefix, IgnoreRules rules, ConversionRules conversions,
           const GitRepository* repository, const GitIndex* index, const Visit& visit)
    : root_(std::move(root)),
      prefix_bytes_(prefix.size()),
      path_(std::move(prefix)),
      rules_(std::move(rules)),
      conversions_(std::move(conversions)),
      repository_(repository),
      index_(index, path_),
      visit_(visit),
      fold_case_(repository && repository->ignores_case()) {}

Result<void> Walk::run() {
  enter(open_folder_below(root_.get(), ""), false);
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    path_.resize(frame.path_bytes);
    if (frame.next == frame.names.entries().size()) {
      leave();
      continue;
    }
    const FolderNames::Entry entry = frame.names.entries()[frame.next++];
    path_ += frame.names.name(entry);
    visit_entry(frame, entry);
  }
  while (const auto entry = index_.next()) pass_absent_entry(*entry);
  if (root_error_ != 0)
    return system_error(ErrorCode::kPathUnusable, "the folder cannot be read", root_error_);
  return {};
}

void Walk::enter(UniqueFd folder, bool tracked_only) {
  Frame frame;
  struct stat about{};
  auto names = folder.valid() ? read_folder(folder.get()) : std::nullopt;
  if (!names || ::fstat(folder.get(), &about) != 0) return report_unreadable_folder(errno);
  frame.folder = std::move(folder);
  frame.device = about.st_dev;
  frame.inode = about.st_ino;
  frame.names = *std::move(names);
  frame.path_bytes = path_.size();
  frame.tracked_only = tracked_only;
  if (!tracked_only) load_rules(frame);
  if (index_) load_conversions(frame);
  sort_out(frame);
  frames_.push_back(std::move(frame));
  if (frames_.size() > kOpenFolders) frames_[frames_.size() - 1 - kOpenFolders].folder.reset();
}

void Walk::leave() {
  const Frame left = std::move(frames_.back());
  frames_.pop_back();
  if (left.has_rules) rules_.pop();
  if (left.has_conversions) conversions_.pop();
  if (!frames_.empty() && !frames_.back().folder.valid()) reopen(frames_.back(), left.folder);
}

void Walk::reopen(Frame& frame, const UniqueFd& child) {
  const auto is_same = [&](const UniqueFd& folder) {
    struct stat about{};
    return folder.valid() && ::fstat(folder.get(), &about) == 0 && about.st_dev == frame.device &&
           about.st_ino == frame.inode;
  };
  // One step up is cheap; it leads elsewhere only if the child was moved meanwhile.
  UniqueFd folder = open_folder(child.get(), "..");
  if (!is_same(folder)) {
    const auto path = std::string_view(path_).substr(0, frame.path_bytes).substr(prefix_bytes_);
    folder = open_folder_below(root_.get(), path);
  }
  if (is_same(folder)) frame.folder = std::move(folder);
}

Walk::RulesFile Walk::read_rules(Frame& frame, std::string_view name, std::size_t max_bytes) {
  RulesFile file;
  auto& entries = frame.names.entries();
  file.present = std::any_of(entries.begin(), entries.end(),
                             [&](const auto& entry) { return frame.names.name(entry) == name; });
  if (file.present) {
    file.text = read_small_file(frame.folder.get(), name.data(), max_bytes);
  } else if (const auto entry = index_.find(path_ + std::string(name))) {
    file.present = entry->is_sparse();
    if (file.present) file.text = repository_->content(entry->oid().value_or(""), max_bytes);
  }
  return file;
}

void Walk::load_rules(Frame& frame) {
  RulesFile file = read_rules(frame, kIgnoreFileName, IgnoreFile::kMaxBytes);
  if (!file.text) return;
  rules_.push(path_.size(), *std::move(file.text));
  frame.has_rules = true;
}

void Walk::load_conversions(Frame& frame) {
  const RulesFile file = read_rules(frame, kAttributesFileName, ConversionRules::kMaxBytes);
  if (!file.present) return;
  if (file.text)
    conversions_.push(path_.size(), *file.text);
  else
    conversions_.push_unknown();
  frame.has_conversions = true;
}

void Walk::sort_out(Frame& frame) {
  std::erase_if(frame.names.entries(), [&](FolderNames::Entry& entry) {
    if (equal_bytes(frame.names.name(entry), ".git", fold_case_)) return true;
    return entry.type == EntryType::kFolder && !keep_folder(frame, entry);
  });
  sort_by_path(frame.names);
}

bool Walk::keep_folder(Frame& frame, FolderNames::Entry& entry) {
  const std::string path = path_ + std::string(frame.names.name(entry));
  if (const auto indexed = index_.find(path); indexed && indexed->is_submodule()) {
    entry.tag = kRepository;
    return true;
  }
  const bool tracked = index_.names_below(path + '/');
  if (frame.tracked_only || rules_.ignored(path, true)) {
    entry.tag = kTrackedOnly;
    return tracked;
  }
  if (index_ && !tracked && is_work_tree(frame.folder.get(), frame.names.c_name(entry)))
    entry.tag = kRepository;
  return true;
}

void Walk::visit_entry(Frame& frame, const FolderNames::Entry& entry) {
  if (is_entered(entry)) return visit_folder(frame, entry);
  if (entry.type == EntryType::kFolder) return visit_repository();
  visit_file(frame, entry);
}

void Walk::visit_folder(Frame& frame, const FolderNames::Entry& entry) {
  path_ += '/';
  pass_absent(path_);
  if (relative().size() > kMaxPathBytes) return report_unreadable_folder(ENAMETOOLONG);
  UniqueFd folder = open_folder(frame.folder.get(), frame.names.c_name(entry));
  if (!folder.valid() && errno == ENOENT) return;
  enter(std::move(folder), entry.tag == kTrackedOnly);
}

void Walk::visit_repository() {
  pass_absent(path_);
  const auto tracked = index_.take(path_);
  ListedFile file;
  file.path = relative();
  file.kind = ListedFile::Kind::kSubmodule;
  if (tracked) file.blob_oid = tracked->oid();
  visit_(std::move(file));
}

void Walk::visit_file(Frame& frame, const FolderNames::Entry& entry) {
  pass_absent(path_);
  const auto tracked = index_.take(path_);
  if (!tracked && (frame.tracked_only || rules_.ignored(path_, false))) return;
  // A file that the index flags as left out and that stands here all the same is looked at: it is
  // what its owner works with.
  if (relative().size() > kMaxPathBytes)
    return report(ListedFile::Kind::kUnreadable, error_text(ENAMETOOLONG));
  struct stat about{};
  if (::fstatat(frame.folder.get(), frame.names.c_name(entry), &about, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) return report(ListedFile::Kind::kUnreadable, error_text(errno));
    if (tracked && tracked->is_sparse()) report_sparse(*tracked);
    return;
  }
  ListedFile file;
  file.path = relative();
  file.kind = S_ISREG(about.st_mode) ? ListedFile::Kind::kRegular : ListedFile::Kind::kNotRegular;
  file.size = static_cast<std::uint64_t>(about.st_size);
  file.mtime_ns = nanoseconds_of(about.st_mtim);
  file.ctime_ns = nanoseconds_of(about.st_ctim);
  file.inode = about.st_ino;
  if (tracked && !tracked->is_submodule()) {
    file.blob_oid = tracked->oid();
    file.blob_is_current = index_.is_current(*tracked, about) && !conversions_.may_convert(path_);
  }
  visit_(std::move(file));
}

void Walk::pass_absent(std::string_view path) {
  for (auto entry = index_.next(); entry && entry->path() < path; entry = index_.next())
    pass_absent_entry(*entry);
}

void Walk::pass_absent_entry(const GitIndexEntry& entry) {
  index_.take();
  if (entry.is_sparse()) report_sparse(entry);
}

void Walk::report(ListedFile::Kind kind, std::string note) {
  ListedFile file;
  file.path = relative();
  file.kind = kind;
  file.note = std::move(note);
  visit_(std::move(file));
}

void Walk::report_sparse(const GitIndexEntry& entry) {
  ListedFile file;
  file.path = entry.path().substr(prefix_bytes_);
  file.kind = ListedFile::Kind::kSparse;
  file.blob_oid = entry.oid();
  visit_(std::move(file));
}

void Walk::report_unreadable_folder(int error) {
  if (relative().empty()) {
    root_error_ = error;
    index_.take_all();
    return;
  }
  const std::string folder = path_;
  const std::string note = error_text(error);
  report(ListedFile::Kind::kUnreadable, note);
  for (auto entry = index_.next(); entry && entry->path().starts_with(folder);
       entry = index_.next()) {
    path_ = entry->path();
    index_.take(path_);
    if (entry->is_sparse())
      report_sparse(*entry);
    else
      report(ListedFile::Kind::kUnreadable, note);
  }
}

}  // namespace forkdex
