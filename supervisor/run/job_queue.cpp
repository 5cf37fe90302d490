#include "supervisor/run/job_queue.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <utility>

#include "common/base/io.h"
#include "common/base/unnamed_file.h"

namespace forkdex {
namespace {

constexpr std::size_t kBufferBytes = 256 << 10;

/// Appends fields to a record, and takes them off again in the same order.
class Writer {
 public:
  explicit Writer(std::string& bytes) : bytes_(bytes) {}
  template <class T>
    requires std::is_trivially_copyable_v<T>
  void put(const T& value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void put(const std::string& text) {
    put(static_cast<std::uint32_t>(text.size()));
    bytes_ += text;
  }

 private:
  std::string& bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
    requires std::is_trivially_copyable_v<T>
  void take(T& value) {
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
  }
  void take(std::string& text) {
    std::uint32_t size = 0;
    take(size);
    text = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
  }

 private:
  std::string_view bytes_;
};

void put(Writer& record, const Job& job) {
  record.put(job.id);
  record.put(job.kind);
  record.put(job.path);
  record.put(job.known);
  record.put(job.known_hash);
  record.put(job.known_chunks);
  record.put(job.signature);
  record.put(job.blob_oid);
  record.put(static_cast<std::uint32_t>(job.messages.size()));
  for (const Sha256& message : job.messages) record.put(message);
  record.put(job.quarantine != nullptr);
  if (!job.quarantine) return;
  const auto& [verdict, limit] = *job.quarantine;
  record.put(verdict.state);
  record.put(verdict.reason);
  record.put(verdict.detail);
  record.put(verdict.attempts);
  record.put(limit);
}

Job job_from(Reader record) {
  Job job;
  record.take(job.id);
  record.take(job.kind);
  record.take(job.path);
  record.take(job.known);
  record.take(job.known_hash);
  record.take(job.known_chunks);
  record.take(job.signature);
  record.take(job.blob_oid);
  std::uint32_t messages = 0;
  record.take(messages);
  job.messages.resize(messages);
  for (Sha256& message : job.messages) record.take(message);
  bool is_quarantined = false;
  record.take(is_quarantined);
  if (!is_quarantined) return job;
  Quarantine quarantine;
  record.take(quarantine.verdict.state);
  record.take(quarantine.verdict.reason);
  record.take(quarantine.verdict.detail);
  record.take(quarantine.verdict.attempts);
  record.take(quarantine.limit);
  job.quarantine = std::make_shared<Quarantine>(std::move(quarantine));
  return job;
}

}  // namespace

Result<void> JobQueue::add(const Job& job) {
  std::string bytes;
  Writer record(bytes);
  put(record, job);
  bytes_ += job.signature.size;
  entries_.push_back({job.signature.size, written_ + buffer_.size()});
  Writer(buffer_).put(bytes);
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
    Reader(std::string_view(buffer_).substr(offset - written_)).take(bytes);
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
  ++next_;
  return std::optional(job_from(Reader(*record)));
}

}  // namespace forkdex
