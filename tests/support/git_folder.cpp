#include "tests/support/git_folder.h"

#include <sstream>
#include <stdexcept>

#include "tests/support/program.h"

namespace forkdex::test {

std::string run_git(const std::filesystem::path& folder, const std::vector<std::string>& arguments,
                    const std::string& input, int seconds) {
  const std::string date = std::to_string(1'000'000'000 + seconds) + " +0000";
  Command command;
  command.arguments = {"/usr/bin/git", "-C", folder.string(), "-c", "protocol.file.allow=always"};
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  command.input = input;
  command.environment = {
      {"GIT_CONFIG_GLOBAL", "/dev/null"}, {"GIT_CONFIG_NOSYSTEM", "1"},
      {"GIT_AUTHOR_NAME", "Ann Author"},  {"GIT_AUTHOR_EMAIL", "ann@example.org"},
      {"GIT_COMMITTER_NAME", "Com"},      {"GIT_COMMITTER_EMAIL", "com@example.org"},
      {"GIT_AUTHOR_DATE", date},          {"GIT_COMMITTER_DATE", date}};
  const Ended ended = run(command);
  if (ended.status == 0) return ended.out;
  throw std::runtime_error("git " + arguments.front() + ": " + ended.text());
}

GitFolder::GitFolder() { git({"init", "-q", "-b", "main"}); }

std::string GitFolder::git(const std::vector<std::string>& arguments,
                           const std::string& input) const {
  return run_git(path(), arguments, input);
}

std::vector<std::string> GitFolder::git_lines(const std::vector<std::string>& arguments) const {
  std::vector<std::string> lines;
  std::istringstream text(git(arguments));
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

std::string GitFolder::commit(const std::string& message, int seconds) const {
  git({"add", "-A"});
  run_git(path(), {"commit", "-q", "--allow-empty", "-F", "-"}, message, seconds);
  return git_lines({"rev-parse", "HEAD"}).front();
}

}  // namespace forkdex::test
