#pragma once

#include <functional>
#include <memory>

#include <boost/asio/steady_timer.hpp>

namespace forkdex {

/// Calls `handler` once `delay` is over; never when the last owner has let go of `timer` before.
/// asio's own wait may end too late: a timer that is destroyed takes nothing back that has run out
/// already and waits in asio's queue.
void call_after(const std::shared_ptr<boost::asio::steady_timer>& timer,
                boost::asio::steady_timer::duration delay, std::function<void()> handler);

}  // namespace forkdex
