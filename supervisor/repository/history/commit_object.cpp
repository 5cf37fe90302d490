#include "supervisor/repository/history/commit_object.h"

#include <iconv.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "common/base/path_text.h"
#include "common/base/utf8.h"

namespace forkdex {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
// What PostgreSQL's timestamps and everybody's calendars hold: the years 1 to 9999.
constexpr std::int64_t kFirstSecond = -62'135'596'800;
constexpr std::int64_t kLastSecond = 253'402'300'799;

/// Takes the next line of a header, without its newline; empty at the blank line that ends it.
std::string_view take_line(std::string_view& rest) {
  const std::string_view line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  return line;
}

/// What follows `key` and a space in `line`, if that is how it starts.
std::optional<std::string_view> value_of(std::string_view line, std::string_view key) {
  if (!line.starts_with(key) || line.substr(key.size()).substr(0, 1) != " ") return std::nullopt;
  return line.substr(key.size() + 1);
}

/// The seconds in "Name <address> SECONDS ZONE"; 0 where there are none.
std::int64_t seconds_of(std::string_view person) {
  const std::size_t end = person.rfind('>');
  if (end == std::string_view::npos) return 0;
  std::string_view rest = person.substr(end + 1);
  rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(' ')));
  std::int64_t seconds = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), seconds);
  return std::clamp(seconds, kFirstSecond, kLastSecond);
}

std::string_view name_and_address(std::string_view person) {
  const std::size_t end = person.rfind('>');
  return end == std::string_view::npos ? person : person.substr(0, end + 1);
}

std::string from_latin1(std::string_view text) {
  std::string utf8;
  utf8.reserve(text.size() + text.size() / 8);
  for (const char letter : text) append_utf8(static_cast<unsigned char>(letter), utf8);
  return utf8;
}

bool is_latin1(const char* encoding) {
  constexpr std::array kNames = {"ISO-8859-1", "ISO8859-1", "ISO_8859-1", "latin1", "latin-1"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](const char* name) { return ::strcasecmp(encoding, name) == 0; });
}

/// What iconv makes of `text`; nothing where it does not know the encoding.
std::optional<std::string> converted(std::string_view text, const char* encoding) {
  const iconv_t conversion = ::iconv_open("UTF-8", encoding);
  if (conversion == reinterpret_cast<iconv_t>(-1)) return std::nullopt;
  std::string utf8;
  std::string in(text);
  char* from = in.data();
  std::size_t left = in.size();
  std::array<char, 4096> buffer;
  while (left > 0) {
    char* to = buffer.data();
    std::size_t room = buffer.size();
    const std::size_t status = ::iconv(conversion, &from, &left, &to, &room);
    const int error = errno;
    utf8.append(buffer.data(), buffer.size() - room);
    if (status != static_cast<std::size_t>(-1) || error == E2BIG) continue;
    utf8 += kReplacement;  // for a byte that means nothing there
    ++from;
    --left;
  }
  ::iconv_close(conversion);
  return utf8;
}

std::string decoded(std::string_view text, const std::string& encoding) {
  std::string utf8;
  const bool named = !encoding.empty() && ::strcasecmp(encoding.c_str(), "UTF-8") != 0 &&
                     ::strcasecmp(encoding.c_str(), "UTF8") != 0;
  if (!named && is_utf8(text)) {
    utf8 = text;
  } else if (named && !is_latin1(encoding.c_str())) {
    auto other = converted(text, encoding.c_str());
    utf8 = other && is_utf8(*other) ? *std::move(other) : from_latin1(text);
  } else {
    utf8 = from_latin1(text);
  }
  std::replace(utf8.begin(), utf8.end(), '\0', ' ');
  return utf8;
}

std::string_view without_blank_lines_around(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  // The first line keeps its indentation.
  const std::size_t line = text.find_last_of('\n', first);
  text = text.substr(line == std::string_view::npos ? 0 : line + 1);
  return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
}

/// The first kMostMessageBytes, without a UTF-8 character cut in two.
std::string_view cut(std::string_view text) { return capped(text, Commit::kMostMessageBytes); }

}  // namespace

std::string hex(const ObjectId& id) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * id.size());
  for (const std::uint8_t byte : id) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::optional<ObjectId> object_id(std::string_view hex) {
  ObjectId id{};
  if (hex.size() != 2 * id.size()) return std::nullopt;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const char* digits = hex.data() + 2 * i;
    const auto [end, problem] = std::from_chars(digits, digits + 2, id[i], 16);
    if (problem != std::errc() || end != digits + 2) return std::nullopt;
  }
  return id;
}

std::optional<CommitLinks> commit_links(std::string_view object) {
  CommitLinks links;
  bool has_tree = false;
  for (std::string_view line = take_line(object); !line.empty(); line = take_line(object)) {
    if (const auto tree = value_of(line, "tree")) {
      const auto id = object_id(*tree);
      if (!id) return std::nullopt;
      links.tree = *id;
      has_tree = true;
    } else if (const auto parent = value_of(line, "parent")) {
      const auto id = object_id(*parent);
      if (!id) return std::nullopt;
      links.parents.push_back(*id);
    } else if (const auto committer = value_of(line, "committer")) {
      links.committed_at = seconds_of(*committer);
      break;
    }
  }
  if (!has_tree) return std::nullopt;
  return links;
}

void read_commit_text(std::string_view object, Commit& commit) {
  std::string_view author;
  std::string encoding;
  for (std::string_view line = take_line(object); !line.empty(); line = take_line(object)) {
    if (const auto person = value_of(line, "author")) author = *person;
    if (const auto named = value_of(line, "encoding")) encoding = *named;
  }
  commit.author = decoded(name_and_address(author), encoding);
  commit.authored_at = seconds_of(author);
  const std::string message = decoded(cut(object), encoding);
  commit.message = without_blank_lines_around(cut(message));
}

}  // namespace forkdex
