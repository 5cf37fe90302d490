#include "supervisor/run/job_queue.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "common/base/io.h"
#include "common/base/unnamed_file.h"

namespace forkdex {
namespace {

constexpr std::size_t kBufferBytes = 256 << 10;

}  // namespace

Result<void> JobQueue::add(const Job& job) {
  bytes_ += job.cost;
  entries_.push_back({job.cost, written_ + buffer_.size()});
  FieldWriter record(buffer_);
  record(encode(job));
  return buffer_.size() < kBufferBytes ? Result<void>() : write_out();
}

Result<void> JobQueue::write_out() {
  if (!file_.valid()) {
    auto file = open_unnamed_file();
    if (!file) return file.error();
    file_ = *std::move(file);
  }
  if (auto appended = append_to_unnamed_file(file_, buffer_); !appended) return appended;
  written_ += buffer_.size();
  buffer_.clear();
  return {};
}

Result<std::string> JobQueue::record_at(std::uint64_t offset) const {
  std::string bytes;
  if (offset >= written_) {
    FieldReader record(std::string_view(buffer_).substr(offset - written_));
    record(bytes);
    return bytes;
  }
  std::uint32_t size = 0;
  const auto filled = [this](std::span<char> to, std::uint64_t from) {
    errno = EIO;  // what a file that ends too early has
    return read_all_at(file_.get(), to, from) == static_cast<ssize_t>(to.size());
  };
  if (!filled({reinterpret_cast<char*>(&size), sizeof size}, offset))
    return unnamed_file_error(errno);
  bytes.resize(size);
  if (!filled(bytes, offset + sizeof size)) return unnamed_file_error(errno);
  return bytes;
}

Result<std::optional<Job>> JobQueue::next() {
  if (!std::exchange(sorted_, true))
    std::sort(entries_.begin(), entries_.end(), [](const Entry& left, const Entry& right) {
      return left.bytes != right.bytes ? left.bytes > right.bytes : left.offset < right.offset;
    });
  if (next_ == entries_.size()) return std::optional<Job>();
  const auto record = record_at(entries_[next_].offset);
  if (!record) return record.error();
  auto job = decode<Job>(*record);
  if (!job) return unnamed_file_error(EIO);  // it gave back other bytes than it was given
  ++next_;
  return job;
}

}  // namespace forkdex
