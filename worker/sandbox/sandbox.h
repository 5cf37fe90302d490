#pragma once

// What a worker gives up before it touches a file: it has its model, its folder and its connection,
// and needs nothing else of the machine. Whoever takes a worker over through a hostile file can
// read the repository, which he wrote, and do over the connection what its database role may. By
// himself he cannot start a program, open a connection, write a file, or read one outside the
// repository and the model.
//
// Where the kernel or a container refuses a part, the rest still holds, and the worker says what is
// missing. Irrevocable for the life of the process.

#include <filesystem>
#include <string>
#include <vector>

namespace forkdex {

/// Shuts the process in: no new privileges; capabilities dropped, but for CAP_DAC_READ_SEARCH of a
/// root worker, which reads files whoever they belong to; Landlock: the folders in `readable`, to
/// be read, and nothing else; a filter on system calls. Returns what could not be done, with the
/// reason, a phrase each. REQUIRES that the process has one thread: others would stay outside.
std::vector<std::string> enter_sandbox(const std::vector<std::filesystem::path>& readable);

}  // namespace forkdex
