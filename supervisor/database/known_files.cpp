#include "supervisor/database/known_files.h"

#include <stdio_ext.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

#include "common/base/path_text.h"
#include "common/base/unnamed_file.h"

namespace forkdex {
namespace {

// The columns of a spooled line, in order.
enum Column {
  kPath,
  kState,
  kReason,
  kRecipe,
  kSize,
  kMtime,
  kCtime,
  kInode,
  kSeenAt,
  kContentHash,
  kBlobOid,
  kAttempts,
  kChunkCount,
  kRefusedLimit,
  kLanguage,
  kDetail,
  kColumns,
};

std::string copy_statement(std::int64_t repository_id) {
  return fmt::format(
      "COPY (SELECT path, state, coalesce(reason, ''), coalesce(recipe, ''), size, mtime_ns, "
      "ctime_ns, inode, seen_at_ns, coalesce(encode(content_hash, 'hex'), ''), "
      "coalesce(blob_oid, ''), attempts, chunk_count, coalesce(refused_limit, 0), "
      "coalesce(language, ''), "
      "CASE WHEN state IN ('indexed', 'empty') THEN '' ELSE coalesce(detail, '') END FROM "
      "forkdex.files "
      "WHERE repository_id = {} ORDER BY coalesce(raw_path, convert_to(path, 'UTF8'))) TO STDOUT",
      repository_id);
}

/// Reverts the escapes of COPY's text format.
std::string unescape_field(std::string_view field) {
  std::string text;
  text.reserve(field.size());
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] != '\\' || i + 1 == field.size()) {
      text += field[i];
      continue;
    }
    constexpr std::string_view kLetters = "bfnrtv";
    constexpr std::string_view kMeanings = "\b\f\n\r\t\v";
    const char next = field[++i];
    const std::size_t letter = kLetters.find(next);
    text += letter == std::string_view::npos ? next : kMeanings[letter];
  }
  return text;
}

std::int64_t number(std::string_view digits) {
  std::int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

std::optional<Sha256> hash_of(std::string_view digits) {
  const std::string bytes = bytes_from_bytea(digits);
  Sha256 hash{};
  if (bytes.size() != hash.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

std::optional<KnownFile> parse(std::string_view line) {
  std::array<std::string_view, kColumns> fields;
  for (std::string_view& field : fields) {
    field = line.substr(0, line.find('\t'));
    line.remove_prefix(std::min(line.size(), field.size() + 1));
  }
  const std::optional<std::string> path = unescape_path(unescape_field(fields[kPath]));
  const std::optional<FileState> state = file_state_from_name(fields[kState]);
  if (!path || !state) return std::nullopt;
  KnownFile file;
  file.path = *path;
  file.verdict.state = *state;
  file.verdict.reason = unescape_field(fields[kReason]);
  file.recipe = unescape_field(fields[kRecipe]);
  file.facts.signature = {std::bit_cast<std::uint64_t>(number(fields[kSize])),
                          number(fields[kMtime]), number(fields[kCtime]),
                          std::bit_cast<std::uint64_t>(number(fields[kInode])),
                          number(fields[kSeenAt])};
  file.content_hash = hash_of(fields[kContentHash]);
  file.facts.blob_oid = fields[kBlobOid];
  file.verdict.attempts = static_cast<std::uint32_t>(number(fields[kAttempts]));
  file.chunk_count = static_cast<std::uint32_t>(number(fields[kChunkCount]));
  file.refused_limit = static_cast<std::uint64_t>(number(fields[kRefusedLimit]));
  file.facts.language = unescape_field(fields[kLanguage]);
  file.verdict.detail = unescape_field(fields[kDetail]);
  return file;
}

}  // namespace

Result<KnownFiles> KnownFiles::spool(PgConnection& connection, std::int64_t repository_id) {
  auto unnamed = open_unnamed_file();
  if (!unnamed) return unnamed.error();
  KnownFiles known;
  known.file_.reset(::fdopen(unnamed->get(), "w+"));
  if (!known.file_) return unnamed_file_error(errno);
  [[maybe_unused]] const int owned_by_file = unnamed->release();
  std::FILE* file = known.file_.get();
  __fsetlocking(file, FSETLOCKING_BYCALLER);  // one thread
  const auto copied = connection.copy_out(copy_statement(repository_id), [file](auto line) {
    std::fwrite(line.data(), 1, line.size(), file);
    std::fputc('\n', file);
  });
  if (!copied) return copied.error();
  errno = 0;
  if (std::fflush(file) != 0 || std::ferror(file) || std::fseek(file, 0, SEEK_SET) != 0)
    return unnamed_file_error(errno);
  return known;
}

Result<std::optional<KnownFile>> KnownFiles::next() {
  char* line = line_.release();
  errno = 0;
  const ssize_t length = ::getline(&line, &capacity_, file_.get());
  line_.reset(line);
  if (length < 0) {
    if (std::ferror(file_.get())) return unnamed_file_error(errno);
    return std::optional<KnownFile>();
  }
  std::string_view text(line, static_cast<std::size_t>(length));
  if (text.ends_with('\n')) text.remove_suffix(1);
  auto file = parse(text);
  if (!file)
    return Error{ErrorCode::kDatabaseUnusable, "a row of forkdex.files cannot be understood",
                 std::string(text.substr(0, 200))};
  return file;
}

}  // namespace forkdex
