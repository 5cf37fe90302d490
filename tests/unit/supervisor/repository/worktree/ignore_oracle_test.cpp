// Random trees under random ignore files, listed by us and by the git program.

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "supervisor/repository/listing.h"
#include "tests/support/scratch_repository.h"

namespace {

namespace fs = std::filesystem;
using forkdex::ListedFile;
using forkdex::test::ScopedVariable;
using forkdex::test::ScratchFolder;

constexpr std::uint64_t kSeed = 0x69676e6f7265;  // "ignore"
constexpr int kRounds = 120;
constexpr int kFilesARound = 70;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  const std::string& of(const std::vector<std::string>& choices) {
    return choices[below(choices.size())];
  }

 private:
  std::mt19937_64 engine_;
};

/// Which letters of file names are upper case, where case is folded: names that differ only by case
/// would make git take one for the other, which no file system that folds case can hold.
using UpperLetters = std::set<char>;

std::string random_path(Dice& dice, const std::optional<UpperLetters>& upper) {
  static const std::vector<std::string> kNames = {"a",
                                                  "b",
                                                  "ab",
                                                  "abc",
                                                  "foo",
                                                  "bar",
                                                  "a.c",
                                                  "foo.c",
                                                  "b.o",
                                                  ".x",
                                                  "A",
                                                  "Foo",
                                                  "a b",
                                                  "a ",
                                                  "\\a",
                                                  "[a]",
                                                  "!b",
                                                  "#c",
                                                  "a*b",
                                                  "é",
                                                  "\xff"
                                                  "a",
                                                  "a-b",
                                                  "build",
                                                  "x\ny",
                                                  "a/b",
                                                  "foo/bar",
                                                  "0"};
  std::string path = dice.of(kNames);
  while (dice.one_in(2)) path += "/" + dice.of(kNames);
  if (!upper) return path;
  for (char& c : path) {
    c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    if (upper->contains(c)) c = static_cast<char>(c - 32);
  }
  return path;
}

std::string random_pattern(Dice& dice) {
  static const std::vector<std::string> kPieces = {"a",           "b",           "c",
                                                   "foo",         "bar",         "build",
                                                   ".c",          ".o",          "x",
                                                   "*",           "*",           "**",
                                                   "**/",         "/**",         "/**/",
                                                   "?",           "/",           "/",
                                                   "[ab]",        "[!a]",        "[^b]",
                                                   "[a-c]",       "[A-Z]",       "[]a]",
                                                   "[a\\]]",      "[[:alpha:]]", "[[:upper:]b]",
                                                   "[[:bogus:]]", "[[:a]",       "[a-",
                                                   "[",           "]",           "\\",
                                                   "\\*",         "\\A",         " ",
                                                   "\\ ",         "!",           "#",
                                                   "é",           "\xff",        "A",
                                                   "F",           "***",         "[/]",
                                                   "[*-z]",       "\t",          "-",
                                                   "[b-]",        "[!/]",        "0"};
  std::string pattern;
  if (dice.one_in(6)) pattern += '!';
  if (dice.one_in(6)) pattern += '/';
  const std::size_t pieces = 1 + dice.below(4);
  for (std::size_t i = 0; i < pieces; ++i) pattern += dice.of(kPieces);
  if (dice.one_in(4)) pattern += '/';
  return pattern;
}

std::string random_ignore_file(Dice& dice) {
  std::string text = dice.one_in(10) ? "\xEF\xBB\xBF" : "";
  for (std::size_t i = dice.below(6); i > 0; --i) {
    text += random_pattern(dice);
    text += dice.one_in(8) ? "\r\n" : dice.one_in(8) ? "  \n" : "\n";
  }
  return text;
}

/// Whether every folder above `path` is one or can be made: no link, no file, no nested repository.
bool is_free(const ScratchFolder& tree, const fs::path& path) {
  fs::path at = tree.path();
  for (const fs::path& part : path) {
    at /= part;
    const auto status = fs::symlink_status(at);
    if (!fs::exists(status)) return true;
    if (!fs::is_directory(status) || fs::exists(at / ".git")) return false;
  }
  return false;
}

/// A tree whose every part is drawn: files, nested repositories, ignore files, an index.
void fill(const ScratchFolder& tree, Dice& dice, bool fold_case) {
  std::optional<UpperLetters> upper;
  if (fold_case) upper.emplace();
  for (char c = 'a'; fold_case && c <= 'z'; ++c)
    if (c != 'x' && dice.one_in(2)) upper->insert(c);
  std::string tracked;
  for (int i = 0; i < kFilesARound; ++i) {
    const std::string path = random_path(dice, upper);
    if (!is_free(tree, path)) continue;
    fs::create_directories((tree / path).parent_path());
    if (dice.one_in(15)) {
      fs::create_symlink(dice.one_in(2) ? "a" : "..", tree / path);
    } else if (dice.one_in(25)) {
      tree.write(path + "/.git/HEAD", "ref: refs/heads/main\n");
      fs::create_directories(tree / (path + "/.git/objects"));
      if (dice.one_in(2)) fs::create_directories(tree / (path + "/.git/refs"));
      tree.write(path + "/inner");
    } else {
      tree.write(path);
      if (dice.one_in(5)) tracked += path + '\0';
    }
    if (dice.one_in(8))
      tree.write((fs::path(path).parent_path() / ".gitignore").string(), random_ignore_file(dice));
  }
  tree.git({"add", "-f", "--pathspec-from-file=-", "--pathspec-file-nul"}, tracked);
}

std::set<std::string> git_list(const ScratchFolder& tree, const fs::path& root) {
  const std::string text = tree.git({"-C", root.string(), "-c", "core.quotepath=off", "ls-files",
                                     "-co", "--exclude-standard", "-z"});
  std::set<std::string> paths;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\0', begin);
    std::string path = text.substr(begin, end - begin);
    begin = end + 1;
    if (path.ends_with('/')) path.pop_back();
    paths.insert(path);
  }
  return paths;
}

std::vector<std::string> our_list(const forkdex::RepositoryInfo& info) {
  std::vector<std::string> paths;
  const auto listed =
      forkdex::list_files(info, [&](ListedFile&& file) { paths.push_back(std::move(file.path)); });
  REQUIRE(listed.ok());
  return paths;
}

void compare(const ScratchFolder& tree, const fs::path& root) {
  const auto info = forkdex::inspect_repository(root);
  REQUIRE(info.ok());
  CAPTURE(root);
  if (root != tree.path()) {
    const std::string checked =
        tree.try_git({"check-ignore", "--no-index", "-v", "-n", root.string()}).output;
    const bool ignored = !checked.starts_with("::") && checked.find(":!") == std::string::npos;
    // The line is "file:number:pattern<tab>path"; a pattern with a ':' in it is not drawn.
    CHECK(info->in_git == !ignored);
    if (ignored || !info->in_git) return;
  }
  const std::vector<std::string> ours = our_list(*info);
  CHECK(std::is_sorted(ours.begin(), ours.end()));
  const std::set<std::string> as_set(ours.begin(), ours.end());
  CHECK(as_set.size() == ours.size());
  CHECK(as_set == git_list(tree, root));
}

}  // namespace

TEST_CASE("listing: random trees under random ignore files are listed as git lists them",
          "[listing][oracle]") {
  const char* given = std::getenv("FORKDEX_TEST_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 0) : kSeed;
  WARN("seed " << seed << "; FORKDEX_TEST_SEED changes it");
  const ScratchFolder home;
  const ScopedVariable config_home("XDG_CONFIG_HOME", home.path().string());
  for (int round = 0; round < kRounds; ++round) {
    Dice dice(seed + static_cast<std::uint64_t>(round));
    const ScratchFolder tree;
    tree.git({"init", "-q"});
    const bool fold_case = dice.one_in(4);
    if (fold_case) tree.git({"config", "core.ignorecase", "true"});
    if (dice.one_in(2)) tree.write(".git/info/exclude", random_ignore_file(dice));
    home.write("git/ignore", dice.one_in(2) ? random_ignore_file(dice) : "");
    fill(tree, dice, fold_case);
    INFO("round " << round << " of seed " << seed << ", ignorecase " << fold_case);
    compare(tree, tree.path());
    for (const auto& entry : fs::directory_iterator(tree.path()))
      if (fs::is_directory(entry.symlink_status()) && entry.path().filename() != ".git" &&
          !fs::exists(entry.path() / ".git") && dice.one_in(4))
        compare(tree, entry.path());
  }
}
