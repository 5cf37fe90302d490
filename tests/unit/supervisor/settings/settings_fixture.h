#pragma once

// What the tests of settings have in common: refusals, and files for --config.

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "supervisor/settings/settings.h"

namespace forkdex::test {

using Words = std::vector<std::string>;

inline Error refused(const Words& words, const Environment& environment = {}) {
  const Result<Invocation> invocation = parse_invocation(words, environment);
  REQUIRE_FALSE(invocation.ok());
  return invocation.error();
}

/// A --config file that is removed when the test ends.
class ConfigFile {
 public:
  explicit ConfigFile(const std::string& text) {
    std::string name = std::filesystem::temp_directory_path() / "forkdex-config-XXXXXX";
    const int fd = mkstemp(name.data());
    REQUIRE(fd >= 0);
    ::close(fd);
    path_ = name;
    std::ofstream(path_) << text;
  }
  ConfigFile(const ConfigFile&) = delete;
  ConfigFile& operator=(const ConfigFile&) = delete;
  ~ConfigFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace forkdex::test
