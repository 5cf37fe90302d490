#include "common/base/io.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <thread>

#include <catch2/catch.hpp>

#include "common/base/unique_fd.h"
#include "tests/support/temporary_folder.h"

using namespace forkdex;
using forkdex::test::TemporaryFolder;

namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    reader = UniqueFd(ends[0]);
    writer = UniqueFd(ends[1]);
  }
  UniqueFd reader;
  UniqueFd writer;
};

}  // namespace

TEST_CASE("io: more bytes than a pipe holds -> write_all writes all, read_all fills its span",
          "[io]") {
  Pipe pipe;
  std::string sent(std::size_t{1} << 20, 'x');
  sent.back() = 'y';
  bool written = false;
  std::thread writing([&] { written = write_all(pipe.writer.get(), sent); });
  std::string received(sent.size(), '\0');
  const ssize_t got = read_all(pipe.reader.get(), received);
  writing.join();
  CHECK(written);
  CHECK(got == static_cast<ssize_t>(sent.size()));
  CHECK(received == sent);
}

TEST_CASE("io: a signal during a blocked read -> read_all reads on", "[io]") {
  struct sigaction quiet{};
  struct sigaction before{};
  quiet.sa_handler = [](int) {};  // without SA_RESTART: read(2) ends with EINTR
  REQUIRE(::sigaction(SIGUSR1, &quiet, &before) == 0);
  Pipe pipe;
  const pthread_t reader = ::pthread_self();
  std::thread writing([&] {
    for (const char* piece : {"ab", "cd"}) {
      ::pthread_kill(reader, SIGUSR1);
      CHECK(write_all(pipe.writer.get(), piece));
    }
    ::pthread_kill(reader, SIGUSR1);
    pipe.writer.reset();
  });
  char to[8];
  const ssize_t got = read_all(pipe.reader.get(), to);
  writing.join();
  ::sigaction(SIGUSR1, &before, nullptr);
  REQUIRE(got == 4);
  CHECK(std::string(to, 4) == "abcd");
}

TEST_CASE("io: a closed reader -> write_all is false with errno EPIPE", "[io]") {
  struct sigaction ignored{};
  struct sigaction before{};
  ignored.sa_handler = SIG_IGN;
  REQUIRE(::sigaction(SIGPIPE, &ignored, &before) == 0);
  Pipe pipe;
  pipe.reader.reset();
  errno = 0;
  CHECK_FALSE(write_all(pipe.writer.get(), "x"));
  CHECK(errno == EPIPE);
  ::sigaction(SIGPIPE, &before, nullptr);
}

TEST_CASE("io: an offset near the end of a file -> read_all_at gives what is left", "[io]") {
  const TemporaryFolder folder;
  const UniqueFd file(::open((folder.path() / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  REQUIRE(write_all(file.get(), "0123456789"));
  char to[8];
  REQUIRE(read_all_at(file.get(), to, 7) == 3);
  CHECK(std::string(to, 3) == "789");
  CHECK(read_all_at(file.get(), to, 10) == 0);
  CHECK(::lseek(file.get(), 0, SEEK_CUR) == 10);
  errno = 0;
  CHECK(read_all_at(-1, to, 0) == -1);
  CHECK(errno == EBADF);
}

TEST_CASE("io: a file of more than the most bytes -> read_to_end gives nothing, with EFBIG",
          "[io]") {
  const TemporaryFolder folder;
  const UniqueFd file(::open((folder.path() / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  const std::string text(40'000, 'x');
  REQUIRE(write_all(file.get(), text));
  const auto read_again = [&](std::size_t max_bytes) {
    REQUIRE(::lseek(file.get(), 0, SEEK_SET) == 0);
    return read_to_end(file.get(), max_bytes);
  };
  CHECK(read_again(text.size()) == text);
  errno = 0;
  CHECK_FALSE(read_again(text.size() - 1));
  CHECK(errno == EFBIG);
}
