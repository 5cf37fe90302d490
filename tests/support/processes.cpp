#include "tests/support/processes.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>

namespace forkdex::test {
namespace {

std::optional<ProcessInfo> process(int pid) {
  const std::string stat = proc_file(pid, "stat");
  // The name stands in brackets and may itself hold brackets and spaces.
  const std::size_t open = stat.find('(');
  const std::size_t close = stat.rfind(')');
  if (open == std::string::npos || close == std::string::npos) return std::nullopt;
  ProcessInfo info;
  info.pid = pid;
  info.name = stat.substr(open + 1, close - open - 1);
  std::istringstream rest(stat.substr(close + 1));
  rest >> info.state >> info.parent;
  info.command = proc_file(pid, "cmdline");
  std::replace(info.command.begin(), info.command.end(), '\0', ' ');
  return info;
}

}  // namespace

std::string proc_file(int pid, const std::string& file) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/" + file, std::ios::binary);
  std::ostringstream text;  // a process that ends meanwhile is a failed read, not an exception
  text << in.rdbuf();
  return text.str();
}

std::vector<ProcessInfo> all_processes() {
  std::vector<ProcessInfo> all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    int pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) continue;
    if (auto info = process(pid)) all.push_back(std::move(*info));
  }
  return all;
}

std::vector<ProcessInfo> descendants(int pid) {
  const std::vector<ProcessInfo> all = all_processes();
  std::set<int> family = {pid};
  std::vector<ProcessInfo> found;
  // A child can have a lower number than its parent once numbers wrap: look until none is added.
  for (bool grew = true; grew;) {
    grew = false;
    for (const ProcessInfo& info : all) {
      if (family.contains(info.parent) && family.insert(info.pid).second) {
        found.push_back(info);
        grew = true;
      }
    }
  }
  return found;
}

std::vector<int> descendants_named(int pid, const std::string& name) {
  std::vector<int> pids;
  for (const ProcessInfo& info : descendants(pid)) {
    if (info.name == name && info.state != 'Z') pids.push_back(info.pid);
  }
  return pids;
}

std::vector<int> fork_servers(int pid) {
  std::vector<int> pids;
  for (const ProcessInfo& info : descendants(pid))
    if (info.command.find(" --fork-server") != std::string::npos && info.state != 'Z')
      pids.push_back(info.pid);
  return pids;
}

}  // namespace forkdex::test
