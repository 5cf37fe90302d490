#include "supervisor/process/readable.h"

#include <poll.h>

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

}  // namespace forkdex
