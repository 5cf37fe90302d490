#include "supervisor/run/output/problem_list.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/io.h"
#include "common/base/path_text.h"
#include "common/base/unnamed_file.h"

namespace forkdex {
namespace {

constexpr std::size_t kBufferBytes = 64 << 10;

using Json = nlohmann::ordered_json;

}  // namespace

Result<ProblemList> ProblemList::read(Ledger& ledger, RunScope& scope) {
  if (auto flushed = ledger.flush(); !flushed) return flushed.error();
  ProblemList problems;
  Result<void> added;
  auto read = ledger.for_each_problem([&](std::string_view path, std::string_view json) {
    const bool ours = scope.whole() || scope.holds(unescape_path(path).value_or(""));
    if (ours && added) added = problems.add(json);
  });
  if (!read) return read.error();
  if (!added) return added.error();
  return problems;
}

ProblemList ProblemList::of(const std::vector<Problem>& problems) {
  ProblemList list;
  for (const Problem& problem : problems) {
    const Json json = {{"path", problem.path},
                       {"state", name(problem.verdict.state)},
                       {"reason", problem.verdict.reason},
                       {"detail", problem.verdict.detail},
                       {"attempts", problem.verdict.attempts}};
    // A disk that is full leaves what there was room for.
    if (!list.add(json.dump(-1, ' ', false, Json::error_handler_t::replace))) break;
  }
  return list;
}

Result<void> ProblemList::add(std::string_view json) {
  std::string& text = count_ < kMostInRow ? beginning_ : buffer_;
  if (count_++ > 0) text += ",\n";
  text += json;
  return buffer_.size() < kBufferBytes ? Result<void>() : write_out();
}

Result<void> ProblemList::write_out() {
  if (!file_.valid()) {
    auto file = open_unnamed_file();
    if (!file) return file.error();
    file_ = *std::move(file);
  }
  auto written = append_to_unnamed_file(file_, buffer_);
  buffer_.clear();
  return written;
}

Result<void> ProblemList::for_each_piece(
    const std::function<Result<void>(std::string_view)>& piece) const {
  if (auto taken = piece(beginning_); !taken) return taken;
  std::array<char, kBufferBytes> bytes;
  for (std::uint64_t at = 0; file_.valid();) {
    const ssize_t got = read_all_at(file_.get(), bytes, at);
    if (got < 0) return unnamed_file_error(errno);
    if (got == 0) break;
    const auto size = static_cast<std::size_t>(got);
    if (auto taken = piece({bytes.data(), size}); !taken) return taken;
    at += size;
  }
  return piece(buffer_);
}

}  // namespace forkdex
