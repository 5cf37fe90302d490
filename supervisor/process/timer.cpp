#include "supervisor/process/timer.h"

#include <utility>

namespace forkdex {

void call_after(const std::shared_ptr<boost::asio::steady_timer>& timer,
                boost::asio::steady_timer::duration delay, std::function<void()> handler) {
  timer->expires_after(delay);
  timer->async_wait([weak = std::weak_ptr(timer),
                     handler = std::move(handler)](const boost::system::error_code& error) {
    if (!error && !weak.expired()) handler();
  });
}

}  // namespace forkdex
