#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include <boost/asio/posix/stream_descriptor.hpp>

namespace forkdex {

/// Calls `handler` once, when `descriptor` can be read or is at its end; never when it is closed
/// before. asio's own wait may end too early: a descriptor that is opened while a closed one's
/// event still waits in asio's queue can be given that event.
void when_readable(std::shared_ptr<boost::asio::posix::stream_descriptor> descriptor,
                   std::function<void()> handler);

/// Waits until `fd` can be read or is at its end. Returns whether it was so within `timeout`.
/// BLOCKS as long; a signal does not shorten it.
bool wait_readable(int fd, std::chrono::milliseconds timeout);

}  // namespace forkdex
