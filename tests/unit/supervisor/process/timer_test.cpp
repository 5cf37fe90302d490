// Timers that are let go of when they have run out and their handlers wait in the event loop.

#include "supervisor/process/timer.h"

#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

using namespace forkdex;
using namespace std::chrono_literals;

TEST_CASE("timer: nobody is called once it is gone, though it had run out before", "[fleet]") {
  boost::asio::io_context context;
  auto timer = std::make_shared<boost::asio::steady_timer>(context);
  bool called = false;
  bool gone = false;
  // The loop sees that it has run out between the two: what it calls stands behind the second.
  boost::asio::post(context, [&] {
    call_after(timer, 1ms, [&] { called = true; });
    std::this_thread::sleep_for(50ms);
    boost::asio::post(context, [&] {
      gone = !called;
      timer.reset();
    });
  });
  context.run();
  CHECK(gone);
  CHECK_FALSE(called);
}

TEST_CASE("timer: its owner is called once", "[fleet]") {
  boost::asio::io_context context;
  const auto timer = std::make_shared<boost::asio::steady_timer>(context);
  int calls = 0;
  call_after(timer, 1ms, [&] { ++calls; });
  context.run();
  CHECK(calls == 1);
}
