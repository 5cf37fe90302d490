#pragma once

// Processes as /proc shows them.

#include <string>
#include <vector>

namespace forkdex::test {

struct ProcessInfo {
  int pid = 0;
  int parent = 0;
  char state = '?';     ///< as in /proc/PID/stat; Z is a zombie
  std::string name;     ///< the program's file name, 15 bytes at most
  std::string command;  ///< its arguments, separated by spaces
};

/// Every process that this one may see.
std::vector<ProcessInfo> all_processes();

/// The descendants of `pid`, in no order, without itself.
std::vector<ProcessInfo> descendants(int pid);

/// The live processes named `name` among the descendants of `pid`.
std::vector<int> descendants_named(int pid, const std::string& name);

/// The live fork servers among the descendants of `pid`: workers that start others, and are called
/// `worker` until they are ready to.
std::vector<int> fork_servers(int pid);

/// The bytes of /proc/`pid`/`file`; empty when the process is gone.
std::string proc_file(int pid, const std::string& file);

}  // namespace forkdex::test
