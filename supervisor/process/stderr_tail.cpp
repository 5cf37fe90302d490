#include "supervisor/process/stderr_tail.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>

#include <boost/asio/buffer.hpp>

namespace forkdex {
namespace {

constexpr std::size_t kKeptBytes = 4096;

}  // namespace

Result<UniqueFd> StderrTail::open() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return system_error(ErrorCode::kBug, "a pipe for a child cannot be made", errno);
  pipe_.assign(ends[0]);
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return UniqueFd(ends[1]);
}

void StderrTail::watch(std::shared_ptr<void> alive) {
  pipe_.async_read_some(boost::asio::buffer(buffer_),
                        [this, alive = std::move(alive)](const boost::system::error_code& error,
                                                         std::size_t size) mutable {
                          if (error) return;
                          keep(size);
                          watch(std::move(alive));
                        });
}

void StderrTail::finish() {
  for (;;) {
    const ssize_t size = ::read(pipe_.native_handle(), buffer_.data(), buffer_.size());
    if (size <= 0) return;
    keep(static_cast<std::size_t>(size));
  }
}

void StderrTail::close() {
  boost::system::error_code ignored;
  pipe_.close(ignored);
}

void StderrTail::keep(std::size_t size) {
  text_.append(buffer_.data(), size);
  if (text_.size() > kKeptBytes) text_.erase(0, text_.size() - kKeptBytes);
}

}  // namespace forkdex
