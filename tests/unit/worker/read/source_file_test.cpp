#include "worker/read/source_file.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "common/base/unique_fd.h"

using namespace forkdex;
namespace fs = std::filesystem;

namespace {

struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "forkdex-source-XXXXXX").string();
    path = ::mkdtemp(name.data());
    fd.reset(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  ~Folder() { fs::remove_all(path); }
  void write(const fs::path& name, std::string_view text) const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name, std::ios::binary) << text;
  }
  Result<SourceFile> read(const std::string& name, std::uint64_t max_bytes = 1 << 20) const {
    return read_source_file(fd.get(), name, max_bytes);
  }
  fs::path path;
  UniqueFd fd;
};

ErrorCode code(const Result<SourceFile>& result) {
  REQUIRE_FALSE(result.ok());
  return result.error().code;
}

}  // namespace

TEST_CASE("source file: gives the bytes, their hash and the signature", "[read]") {
  const Folder folder;
  folder.write("a/b/c.ts", std::string_view("\xEF\xBB\xBFx\r\n\0y", 8));
  const auto file = folder.read("a/b/c.ts");
  REQUIRE(file.ok());
  CHECK(file->bytes == std::string_view("\xEF\xBB\xBFx\r\n\0y", 8));
  CHECK(file->hash == sha256(file->bytes));
  CHECK(file->signature.size == 8);
  CHECK(file->signature.mtime_ns > 0);
  CHECK(file->signature.seen_at_ns >= file->signature.mtime_ns - 1'000'000'000);
}

TEST_CASE("source file: no symbolic link is followed, last or on the way", "[read]") {
  const Folder folder;
  const Folder outside;
  outside.write("secret", "x");
  folder.write("real/file", "x");
  fs::create_directory_symlink(outside.path, folder.path / "way");
  fs::create_symlink(outside.path / "secret", folder.path / "link");
  fs::create_symlink("loop", folder.path / "loop");
  CHECK(code(folder.read("way/secret")) == ErrorCode::kNotRegularFile);
  CHECK(code(folder.read("link")) == ErrorCode::kNotRegularFile);
  CHECK(code(folder.read("loop")) == ErrorCode::kNotRegularFile);
}

TEST_CASE("source file: a FIFO, a socket and a folder are not read", "[read]") {
  const Folder folder;
  REQUIRE(::mkfifo((folder.path / "fifo").c_str(), 0600) == 0);
  CHECK(code(folder.read("fifo")) == ErrorCode::kNotRegularFile);
  fs::create_directory(folder.path / "folder");
  CHECK(code(folder.read("folder")) == ErrorCode::kNotRegularFile);
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (folder.path / "socket").string().copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  CHECK(code(folder.read("socket")) == ErrorCode::kNotRegularFile);
}

TEST_CASE("source file: vanished, a file where a folder was, and too large are told apart",
          "[read]") {
  const Folder folder;
  folder.write("file", "0123456789");
  CHECK(code(folder.read("gone")) == ErrorCode::kFileVanished);
  CHECK(code(folder.read("file/below")) == ErrorCode::kFileVanished);
  CHECK(code(folder.read("file", 9)) == ErrorCode::kFileTooLarge);
  CHECK(folder.read("file", 10).ok());
}
