#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace forkdex::test {

/// A new folder beneath the temporary folder, removed with all it holds when destroyed. Others may
/// enter it, since PostgreSQL and unprivileged runs are other users when the tests are root.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

  /// Writes `bytes` to `name` beneath the folder, making the folders between.
  void write(const std::filesystem::path& name, std::string_view bytes) const;

 private:
  std::filesystem::path path_;
};

/// The whole file. Throws std::runtime_error if it cannot be read.
std::string read_file(const std::filesystem::path& path);

}  // namespace forkdex::test
