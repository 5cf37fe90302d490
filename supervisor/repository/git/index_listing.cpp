#include "supervisor/repository/git/index_listing.h"

#include <git2.h>
#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/base/path_text.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSharedPart = "sharedindex.";
// git's own flags, as `ls-files --debug` prints them.
constexpr std::uint32_t kIntentToAdd = 1U << 29;
constexpr std::uint32_t kSkipWorktree = 1U << 30;

Error unlisted(std::string what) { return {ErrorCode::kRepositoryUnusable, std::move(what), ""}; }

/// The folder that git gets in place of the repository's own. Removed with this.
class BorrowedFolder {
 public:
  BorrowedFolder() = default;
  BorrowedFolder(const BorrowedFolder&) = delete;
  BorrowedFolder& operator=(const BorrowedFolder&) = delete;
  ~BorrowedFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }

  /// Makes it, with copies of the index `file` and of its shared part. ERRORS kRepositoryUnusable.
  Result<void> make(const fs::path& file, const fs::path& common_folder) {
    std::error_code problem;
    std::string name = fs::temp_directory_path(problem) / "forkdex-index-XXXXXX";
    if (problem || !::mkdtemp(name.data()))
      return unlisted("no temporary folder can be made for git: " +
                      std::generic_category().message(errno));
    path_ = name;
    fs::copy_file(file, path_ / "index", problem);
    for (fs::directory_iterator at(file.parent_path(), problem), end; !problem && at != end;
         at.increment(problem)) {
      const fs::path part = at->path().filename();
      if (part.native().starts_with(kSharedPart) && names(part.native()))
        fs::copy_file(at->path(), path_ / part, problem);
    }
    fs::create_directory(path_ / "objects", problem);
    fs::create_directory(path_ / "info", problem);
    // Where the index is sparse, git unfolds it unless patterns of folders are there.
    std::ofstream(path_ / "info/sparse-checkout") << "/*\n!/*/\n";
    std::ofstream(path_ / "HEAD") << "ref: refs/heads/main\n";  // git reads none without one
    std::ofstream(path_ / "commondir") << common_folder.native() << "\n";
    if (!problem) return {};
    return unlisted("its files cannot be copied for git: " + problem.message());
  }

  const fs::path& path() const { return path_; }

 private:
  /// Whether the index refers to the shared part of this name, by the 20 bytes that it says in hex.
  bool names(const std::string& part) const {
    std::string id;
    for (std::size_t at = kSharedPart.size(); at + 2 <= part.size(); at += 2) {
      unsigned char byte = 0;
      const char* digits = part.data() + at;
      if (std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2) return false;
      id += static_cast<char>(byte);
    }
    std::ifstream index(path_ / "index", std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(index)), {});
    return !id.empty() && bytes.find(id) != std::string::npos;
  }

  fs::path path_;
};

/// The number after `name` in `line`; 0 where there is none.
std::uint32_t number_after(std::string_view line, std::string_view name, int base = 10) {
  const std::size_t at = line.find(name);
  std::uint32_t number = 0;
  if (at != std::string_view::npos)
    std::from_chars(line.data() + at + name.size(), line.data() + line.size(), number, base);
  return number;
}

/// "  ctime: 12:34"
git_index_time time_in(std::string_view line) {
  return {static_cast<std::int32_t>(number_after(line, "time: ")),
          number_after(line.substr(std::min(line.find("time: ") + 6, line.size())), ":")};
}

/// Reads what `git ls-files -z -t --stage --debug` prints, one entry at a time.
class Reader {
 public:
  explicit Reader(FILE* input) : input_(input) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { std::free(buffer_); }

  /// Reads the next entry into `entry`, all but its path, and gives that. Nothing at the end, and
  /// where is_valid() is false from then on.
  std::optional<std::string> next(git_index_entry& entry) {
    const auto record = take('\0');
    if (!record || !read_record(*record, entry)) return std::nullopt;
    std::string path(record->substr(record->find('\t') + 1));
    const bool is_sparse = record->starts_with('S');
    std::uint32_t flags = kIntentToAdd;  // until git says that it is not: then the id counts
    for (int c; (c = std::getc(input_)) != EOF;) {
      std::ungetc(c, input_);
      if (c != ' ') break;  // the next entry starts with a letter
      if (const auto line = take('\n')) read_line(*line, entry, flags);
    }
    if (is_sparse || (flags & kSkipWorktree) != 0)
      entry.flags_extended |= GIT_INDEX_ENTRY_SKIP_WORKTREE;
    if ((flags & kIntentToAdd) != 0) entry.flags_extended |= GIT_INDEX_ENTRY_INTENT_TO_ADD;
    return path;
  }

  bool is_valid() const { return is_valid_; }

 private:
  /// The bytes up to `end`, without it.
  std::optional<std::string_view> take(char end) {
    const ssize_t got = ::getdelim(&buffer_, &capacity_, end, input_);
    if (got <= 0) return std::nullopt;
    const std::string_view bytes(buffer_, static_cast<std::size_t>(got));
    if (bytes.ends_with(end)) return bytes.substr(0, bytes.size() - 1);
    is_valid_ = false;
    return std::nullopt;
  }

  /// "H 100644 0123… 0<TAB>path"
  bool read_record(std::string_view record, git_index_entry& entry) {
    constexpr std::size_t kMode = 2;
    constexpr std::size_t kOid = 9;
    constexpr std::size_t kStage = kOid + GIT_OID_HEXSZ + 1;
    is_valid_ = record.size() > kStage + 2 && record[kStage + 1] == '\t' &&
                git_oid_fromstrn(&entry.id, record.data() + kOid, GIT_OID_HEXSZ) == 0;
    if (!is_valid_) return false;
    std::from_chars(record.data() + kMode, record.data() + kOid, entry.mode, 8);
    GIT_INDEX_ENTRY_STAGE_SET(&entry, record[kStage] - '0');
    return true;
  }

  static void read_line(std::string_view line, git_index_entry& entry, std::uint32_t& flags) {
    if (line.starts_with("  ctime: ")) entry.ctime = time_in(line);
    if (line.starts_with("  mtime: ")) entry.mtime = time_in(line);
    if (line.starts_with("  dev: ")) entry.ino = number_after(line, "ino: ");
    if (!line.starts_with("  size: ")) return;
    entry.file_size = number_after(line, "size: ");
    if (line.find("flags: ") != std::string_view::npos) flags = number_after(line, "flags: ", 16);
  }

  FILE* input_;
  char* buffer_ = nullptr;
  std::size_t capacity_ = 0;
  bool is_valid_ = true;
};

/// Adds an entry of a file called `path`; its own path is set later.
void add(IndexEntries& index, const git_index_entry& entry, std::string_view path) {
  index.entries.push_back(entry);
  index.names.append(path) += '\0';
}

/// Puts the files of the tree `folder` in its place. ERRORS kRepositoryUnusable.
Result<void> unfold(IndexEntries& index, const git_index_entry& folder, const std::string& path,
                    git_repository* repository) {
  git_tree* tree = nullptr;
  struct Target {
    IndexEntries& index;
    const std::string& path;
  } target{index, path};
  const auto take = [](const char* above, const git_tree_entry* entry, void* payload) {
    const auto& into = *static_cast<Target*>(payload);
    if (git_tree_entry_type(entry) == GIT_OBJECT_TREE) return 0;
    git_index_entry file{};
    file.mode = static_cast<std::uint32_t>(git_tree_entry_filemode(entry));
    file.id = *git_tree_entry_id(entry);
    file.flags_extended = GIT_INDEX_ENTRY_SKIP_WORKTREE;
    add(into.index, file, into.path + above + git_tree_entry_name(entry));
    return 0;
  };
  int status = git_tree_lookup(&tree, repository, &folder.id);
  if (status == 0) status = git_tree_walk(tree, GIT_TREEWALK_PRE, take, &target);
  git_tree_free(tree);
  if (status == 0) return {};
  return unlisted(fmt::format("its folder {} cannot be read: {}", display_path(path),
                              git_error_last()->message));
}

Result<std::unique_ptr<const IndexEntries>> read_listing(UniqueFd output,
                                                         git_repository* repository) {
  const std::unique_ptr<FILE, int (*)(FILE*)> input(::fdopen(output.get(), "r"), std::fclose);
  if (!input) return unlisted("no memory is left to read git's list");
  output.release();
  auto index = std::make_unique<IndexEntries>();
  Reader reader(input.get());
  git_index_entry entry{};
  while (const auto path = reader.next(entry)) {
    if (entry.mode != GIT_FILEMODE_TREE)
      add(*index, entry, *path);
    else if (auto unfolded = unfold(*index, entry, *path, repository); !unfolded)
      return unfolded.error();
    entry = {};
  }
  if (!reader.is_valid()) return unlisted("git's list has a form that is newer than forkdex");
  const char* name = index->names.data();
  for (git_index_entry& each : index->entries) {
    each.path = name;
    name += std::string_view(name).size() + 1;
  }
  const auto by_path = [](const git_index_entry& a, const git_index_entry& b) {
    return std::string_view(a.path) < b.path;
  };
  std::stable_sort(index->entries.begin(), index->entries.end(), by_path);
  return std::unique_ptr<const IndexEntries>(std::move(index));
}

std::vector<std::string> question_for(IndexForm form) {
  std::vector<std::string> question;
  const bool is_sparse = form == IndexForm::kSparse;
  for (const char* key : {"core.sparseCheckout", "core.sparseCheckoutCone", "index.sparse"})
    question.insert(question.end(), {"-c", fmt::format("{}={}", key, is_sparse)});
  // Else git looks for files that stand there all the same, and unfolds their folders.
  question.insert(question.end(), {"-c", "sparse.expectFilesOutsideOfPatterns=true"});
  question.insert(question.end(), {"ls-files", "-z", "-t", "--cached", "--stage", "--debug"});
  if (is_sparse) question.emplace_back("--sparse");
  return question;
}

}  // namespace

Result<std::unique_ptr<const IndexEntries>> list_index(const fs::path& file, IndexForm form,
                                                       const GitPlace& place,
                                                       git_repository* repository) {
  BorrowedFolder folder;
  if (auto made = folder.make(file, git_repository_commondir(repository)); !made)
    return made.error();
  auto answer =
      ask_git({folder.path(), place.work_tree, folder.path() / "objects"}, question_for(form));
  if (!answer) return answer.error();
  if (answer->status != 0) return git_refused(*answer);
  return read_listing(std::move(answer->output), repository);
}

}  // namespace forkdex
