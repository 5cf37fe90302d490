#include "supervisor/process/readable.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace forkdex {

void when_readable(std::shared_ptr<boost::asio::posix::stream_descriptor> descriptor,
                   std::function<void()> handler) {
  auto& waited_for = *descriptor;
  waited_for.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                        [descriptor = std::move(descriptor), handler = std::move(handler)](
                            const boost::system::error_code& error) mutable {
                          if (error) return;
                          pollfd now{descriptor->native_handle(), POLLIN, 0};
                          if (descriptor->is_open() && ::poll(&now, 1, 0) == 0)
                            when_readable(std::move(descriptor), std::move(handler));
                          else
                            handler();
                        });
}

bool wait_readable(int fd, std::chrono::milliseconds timeout) {
  using std::chrono::milliseconds;
  pollfd waiting{fd, POLLIN, 0};
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::max<long>(0, left.count())));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

}  // namespace forkdex
