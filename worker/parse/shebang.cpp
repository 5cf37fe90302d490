#include "worker/parse/shebang.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "worker/parse/line_ends.h"

namespace forkdex {
namespace {

constexpr std::size_t kHeadLines = 5;  // in which a shell script hands itself over

using Words = std::vector<std::string_view>;

/// `line` cut at white space and quotes, which say nothing here.
Words words_in(std::string_view line) {
  constexpr std::string_view kBetween = " \t\r\n\"'";
  Words words;
  while (true) {
    const std::size_t begin = line.find_first_not_of(kBetween);
    if (begin == std::string_view::npos) return words;
    const std::size_t end = std::min(line.find_first_of(kBetween, begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    line.remove_prefix(end);
  }
}

std::string_view take_line(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && !ends_line(text, end)) ++end;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

/// "python" of "/usr/bin/python3.11", "node" of "C:\bin\node.exe".
std::string program_of(std::string_view word) {
  std::string name(word.substr(word.find_last_of("/\\") + 1));
  if (name.ends_with(".exe")) name.resize(name.size() - 4);
  const std::size_t end = name.find_last_not_of("0123456789.-");
  if (end != std::string::npos) name.resize(end + 1);
  return name;
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

/// The words after the options of `env`, and the variables that it sets.
Words after_env(Words words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (is_one_of(word, {"-u", "-C", "--unset", "--chdir", "-a", "--argv0"})) {
      ++i;  // its argument
    } else if (word.starts_with("-S") && word.size() > 2) {
      words[i].remove_prefix(2);
      return {words.begin() + static_cast<std::ptrdiff_t>(i), words.end()};
    } else if (word.starts_with("--split-string=")) {
      words[i].remove_prefix(word.find('=') + 1);
      --i;
    } else if (!word.starts_with('-') && word.find('=') == word.npos) {
      return {words.begin() + static_cast<std::ptrdiff_t>(i), words.end()};
    }
  }
  return {};
}

/// The words of the command that a runner (npx, uv run) starts.
Words after_runner(Words words) {
  std::size_t i = 1;
  while (i < words.size() &&
         (words[i].starts_with('-') || is_one_of(words[i], {"run", "exec", "dlx", "x", "tool"})))
    ++i;
  return {words.begin() + static_cast<std::ptrdiff_t>(std::min(i, words.size())), words.end()};
}

std::string program_in(Words words) {
  for (int depth = 0; depth < 4 && !words.empty(); ++depth) {
    const std::string program = program_of(words[0]);
    if (program == "env") {
      words = after_env({words.begin() + 1, words.end()});
    } else if (is_one_of(program, {"npx", "pnpx", "bunx", "npm", "pnpm", "yarn", "pipx", "poetry",
                                   "pdm", "rye", "nice", "time", "sudo", "exec", "busybox"})) {
      words = after_runner(std::move(words));
    } else if (program == "uv") {
      return "python";  // what it runs, a file or a command, is Python
    } else {
      return program;
    }
  }
  return {};
}

/// The program of `exec PROGRAM ... "$0"` in a shell script's first lines, which pip writes where
/// the path of an interpreter is too long for the kernel.
std::string handed_over(std::string_view head) {
  for (std::size_t i = 0; i < kHeadLines && !head.empty(); ++i) {
    const std::string_view line = take_line(head);
    const std::size_t exec = line.find("exec");
    if (exec == line.npos || line.find("$0", exec) == line.npos) continue;
    if (std::string program = program_in(words_in(line.substr(exec + 4))); !program.empty())
      return program;
  }
  return {};
}

}  // namespace

std::string interpreter_of(std::string_view head) {
  if (!head.starts_with("#!")) return {};
  std::string_view rest = head;
  const std::string_view first = take_line(rest).substr(2);
  std::string program = program_in(words_in(first));
  if (is_one_of(program, {"sh", "bash", "dash", "ksh", "zsh"})) {
    if (std::string other = handed_over(rest); !other.empty()) return other;
  }
  return program;
}

}  // namespace forkdex
