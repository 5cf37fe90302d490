#include "worker/parse/modeline.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "worker/parse/line_ends.h"

namespace forkdex {
namespace {

constexpr std::size_t kModeLines = 5;  // from either end: Vim's default
constexpr std::size_t kMaxLine = 1024;
constexpr std::size_t kLocalVariablesBytes = 3000;  // Emacs' limit
constexpr std::string_view kBlanks = " \t\r\n";

using Lines = std::vector<std::string_view>;

std::string_view stripped(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

Lines first_lines(std::string_view text) {
  Lines lines;
  for (std::size_t begin = 0, i = 0; lines.size() < kModeLines && begin < text.size(); ++i) {
    if (i < text.size() && !ends_line(text, i)) continue;
    lines.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  return lines;
}

Lines last_lines(std::string_view text) {
  Lines lines;
  if (!text.empty() && ends_line(text, text.size() - 1)) text.remove_suffix(1);
  std::size_t end = text.size();
  for (std::size_t i = text.size(); lines.size() < kModeLines && end > 0; --i) {
    if (i > 0 && !ends_line(text, i - 1)) continue;
    lines.push_back(text.substr(i, end - i));
    if (i == 0) break;
    end = i - 1;
  }
  return lines;
}

/// `-*- python -*-` or `-*- mode: python; tab-width: 4 -*-`.
std::string emacs_mode(std::string_view line) {
  const std::size_t open = line.find("-*-");
  const std::size_t close = open == line.npos ? line.npos : line.find("-*-", open + 3);
  if (close == line.npos) return {};
  std::string_view said = line.substr(open + 3, close - open - 3);
  if (said.find(':') == said.npos) return lower(stripped(said));
  while (!said.empty()) {
    const std::size_t end = std::min(said.find(';'), said.size());
    const std::string_view variable = said.substr(0, end);
    const std::size_t colon = variable.find(':');
    if (colon != variable.npos && lower(stripped(variable.substr(0, colon))) == "mode")
      return lower(stripped(variable.substr(colon + 1)));
    said.remove_prefix(std::min(end + 1, said.size()));
  }
  return {};
}

/// Where the options of a line for Vim begin; npos where it is none. Vim wants white space before
/// its name, or the start of the line.
std::size_t vim_options_at(std::string_view line) {
  for (const std::string_view name : {"vim", "Vim", "vi", "ex"}) {
    for (std::size_t at = line.find(name); at != line.npos; at = line.find(name, at + 1)) {
      const bool apart = at == 0 ? name != "ex" : line[at - 1] == ' ' || line[at - 1] == '\t';
      std::size_t colon = at + name.size();
      if (name == "vim" || name == "Vim")  // a version may follow: vim>700:
        colon = std::min(line.find_first_not_of("<=>0123456789", colon), line.size());
      if (apart && colon < line.size() && line[colon] == ':') return colon + 1;
    }
  }
  return line.npos;
}

/// `vim: set ft=python ts=4:` or `vi:filetype=python:ts=4`.
std::string vim_mode(std::string_view line) {
  const std::size_t at = vim_options_at(line);
  if (at == line.npos) return {};
  std::string_view options = stripped(line.substr(at));
  for (const std::string_view set : {"set ", "se "}) {
    if (!options.starts_with(set)) continue;
    options = options.substr(set.size(), options.substr(set.size()).find(':'));
    break;
  }
  while (!options.empty()) {
    const std::size_t end = std::min(options.find_first_of(" \t:"), options.size());
    const std::string_view option = options.substr(0, end);
    for (const std::string_view name : {"ft=", "filetype=", "syntax=", "syn="}) {
      if (!option.starts_with(name)) continue;
      const std::string_view value = option.substr(name.size());
      return lower(value.substr(0, value.find_first_of(".'\"*,")));  // python.django
    }
    options.remove_prefix(std::min(end + 1, options.size()));
  }
  return {};
}

/// `mode: python` between `Local Variables:` and `End:`.
std::string local_variables_mode(std::string_view text) {
  text = text.substr(text.size() - std::min(text.size(), kLocalVariablesBytes));
  const std::size_t begin = text.find("Local Variables:");
  if (begin == text.npos) return {};
  const std::string_view list = text.substr(begin, text.find("End:", begin) - begin);
  const std::size_t mode = list.find("mode:");
  if (mode == list.npos || std::string_view(" \t").find(list[mode - 1]) == kBlanks.npos) return {};
  const std::string_view rest = stripped(list.substr(mode + 5));
  return lower(rest.substr(0, rest.find_first_of(" \t\r\n*/#;")));
}

}  // namespace

std::string editor_mode_of(std::string_view text) {
  Lines lines = first_lines(text);
  for (std::size_t i = 0; i < std::min<std::size_t>(lines.size(), 2); ++i) {
    if (i == 1 && !lines[0].starts_with("#!")) break;
    if (std::string mode = emacs_mode(lines[i].substr(0, kMaxLine)); !mode.empty()) return mode;
  }
  for (const std::string_view line : last_lines(text)) lines.push_back(line);
  for (const std::string_view line : lines) {
    if (line.size() > kMaxLine) continue;
    if (std::string mode = vim_mode(line); !mode.empty()) return mode;
  }
  return local_variables_mode(text);
}

}  // namespace forkdex
