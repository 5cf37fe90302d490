#pragma once

// The tail of a child's stderr: the end of what it wrote, for the line that tells of its death.

#include <array>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/readable_pipe.hpp>

#include "common/base/unique_fd.h"
#include "common/error/result.h"

namespace forkdex {

class StderrTail {
 public:
  explicit StderrTail(boost::asio::io_context& context) : pipe_(context) {}

  /// Makes the pipe. GIVES the end for the child, which the caller closes once the child has it.
  /// ERRORS kBug with errno.
  Result<UniqueFd> open();

  /// Reads what comes, as it comes. `alive` keeps this object while a read is pending.
  void watch(std::shared_ptr<void> alive);
  /// Reads what is still in the pipe, once the child has ended. BLOCKS never.
  void finish();
  /// Stops reading.
  void close();

  /// At most 4 KiB.
  const std::string& text() const { return text_; }

 private:
  void keep(std::size_t size);

  boost::asio::readable_pipe pipe_;
  std::array<char, 1024> buffer_{};
  std::string text_;
};

}  // namespace forkdex
