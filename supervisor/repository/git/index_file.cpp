#include "supervisor/repository/git/index_file.h"

#include <fcntl.h>
#include <git2.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "common/base/io.h"
#include "common/base/unique_fd.h"
#include "supervisor/repository/git/git_child.h"
#include "supervisor/repository/git/index_listing.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChecksumBytes = 20;  // of SHA-1

std::string last_message() {
  const git_error* error = git_error_last();
  return error && error->message ? error->message : "no reason given";
}

/// Whether `file` ends with zeros where its checksum would stand.
bool lacks_checksum(const UniqueFd& file) {
  struct stat about{};
  std::array<char, kChecksumBytes> end{};
  if (::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode)) return false;
  const auto size = static_cast<std::size_t>(about.st_size);
  if (size < end.size() ||
      read_all_at(file.get(), end, size - end.size()) != static_cast<ssize_t>(end.size()))
    return false;
  return std::all_of(end.begin(), end.end(), [](char c) { return c == 0; });
}

/// A copy of `file` in memory with the checksum that it lacks.
UniqueFd with_checksum(const UniqueFd& file) {
  auto bytes = read_to_end(file.get());
  if (!bytes || bytes->size() < kChecksumBytes) return {};
  auto* end = reinterpret_cast<unsigned char*>(bytes->data() + bytes->size() - kChecksumBytes);
  if (EVP_Digest(bytes->data(), bytes->size() - kChecksumBytes, end, nullptr, EVP_sha1(),
                 nullptr) != 1)
    return {};
  return git_memory_file(*bytes);
}

/// Why libgit2 refuses an index that git reads.
struct Refusal {
  std::string_view word;
  IndexForm form;
  std::string_view remedy;
};
constexpr std::array kRefusals = {
    Refusal{"'link'", IndexForm::kSplit,
            "it is a split index, and `git update-index --no-split-index` makes it a whole one"},
    Refusal{"'sdir'", IndexForm::kSparse,
            "it is a sparse index, and `git sparse-checkout reapply --no-sparse-index` makes it a "
            "whole one"},
    Refusal{"unsupported", IndexForm::kOther, "it has a form that is newer than forkdex"},
};

}  // namespace

Result<GitIndex> open_index(const fs::path& file, const GitPlace& place,
                            git_repository* repository) {
  const UniqueFd opened(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  UniqueFd mended;  // libgit2 has read it whole once it is open
  if (opened.valid() && lacks_checksum(opened)) mended = with_checksum(opened);
  const std::string path =
      mended.valid() ? fmt::format("/proc/self/fd/{}", mended.get()) : file.native();
  git_index* index = nullptr;
  if (git_index_open(&index, path.c_str()) == 0) return GitIndex(index, file);
  const std::string message = last_message();
  const auto refused = [&](const std::string& what) {
    return Error{ErrorCode::kRepositoryUnusable, "its index is not readable here: " + what, ""};
  };
  const auto speaks_of = [&](const Refusal& refusal) {
    return message.find(refusal.word) != std::string::npos;
  };
  const auto* known = std::find_if(kRefusals.begin(), kRefusals.end(), speaks_of);
  if (known == kRefusals.end()) return refused(message);
  auto listed = list_index(file, known->form, place, repository);
  if (listed) return GitIndex(*std::move(listed), file);
  return refused(fmt::format("{}; {} ({})", message, known->remedy, listed.error().sentence));
}

}  // namespace forkdex
