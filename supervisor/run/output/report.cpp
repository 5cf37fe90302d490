#include "supervisor/run/output/report.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/clock.h"
#include "common/base/io.h"
#include "common/base/path_text.h"
#include "common/base/unique_fd.h"

namespace forkdex {
namespace {

using Json = nlohmann::ordered_json;

// Microseconds are finer than any clock here can tell.
double rounded(double value) { return std::round(value * 1e6) / 1e6; }

Json files_json(const Accounting& accounting) {
  Json files = {{"total", accounting.total()}};
  for (std::size_t i = 0; i < kFileStateCount; ++i) {
    const auto state = static_cast<FileState>(i);
    files[std::string(name(state))] = accounting.in(state);
  }
  // Only where the run ended early; with it the counts add up in every case.
  if (const std::uint64_t left = accounting.total() - accounting.done())
    files["not_reached"] = left;
  return files;
}

Json workers_json(const RunFacts::Workers& workers) {
  return {{"count", workers.count},         {"started", workers.started},
          {"crashed", workers.crashed},     {"out_of_memory", workers.out_of_memory},
          {"timed_out", workers.timed_out}, {"recycled", workers.recycled}};
}

Json seconds_json(const RunFacts::Seconds& phases, const StageTimes& stages) {
  return {{"total", rounded(phases.total)},
          {"scan", rounded(phases.scan)},
          {"files", rounded(phases.files)},
          {"words", rounded(phases.words)},
          {"graph", rounded(phases.graph)},
          {"commits", rounded(phases.commits)},
          {"texts", rounded(phases.texts)},
          {"index_build", rounded(phases.index_build)},
          {"worker_read", rounded(to_seconds(stages.read))},
          {"worker_parse", rounded(to_seconds(stages.parse))},
          {"worker_embed", rounded(to_seconds(stages.embed))},
          {"worker_store", rounded(to_seconds(stages.store))},
          {"worker_idle", rounded(phases.worker_idle)}};
}

Json texts_json(const RunFacts::Texts& texts) {
  const auto number = [&](std::uint64_t TextCounts::* count) {
    return texts.counts ? Json((*texts.counts).*count) : Json(nullptr);
  };
  return {{"total", number(&TextCounts::total)},
          {"missing", number(&TextCounts::missing)},
          {"failed", texts.failed},
          {"refused", number(&TextCounts::refused)}};
}

Json commits_json(const RunFacts::Commits& commits) {
  return {{"written", commits.written},
          {"embedded", commits.embedded},
          {"failed", commits.failed},
          {"refused", commits.refused}};
}

Json languages_json(const Accounting& accounting) {
  Json languages = Json::object();
  for (const auto& [language, counts] : accounting.languages())
    languages[language] = {{"files", counts.files}, {"chunks", counts.chunks}};
  return languages;
}

Error write_failure(const std::string& destination, int errno_value) {
  const bool full = errno_value == ENOSPC || errno_value == EDQUOT;
  return system_error(full ? ErrorCode::kDiskFull : ErrorCode::kPathUnusable,
                      fmt::format("The report cannot be written to {}; {}", destination,
                                  full ? "make room and run again"
                                       : "give --report a file that this user may write"),
                      errno_value);
}

Result<void> write_pieces(int fd, const TextPieces& pieces, const std::string& destination) {
  return pieces([&](std::string_view piece) {
    return write_all(fd, piece) ? Result<void>() : write_failure(destination, errno);
  });
}

// A pipe or device cannot be replaced by a rename: it is written to as it is.
bool is_special(const std::string& destination) {
  struct stat status{};
  return ::stat(destination.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
}

Result<void> write_in_place(const std::string& destination, const TextPieces& pieces) {
  const UniqueFd fd(::open(destination.c_str(), O_WRONLY | O_CLOEXEC));
  return fd.valid() ? write_pieces(fd.get(), pieces, destination)
                    : write_failure(destination, errno);
}

Result<void> write_by_rename(const std::string& destination, const TextPieces& pieces) {
  std::string temporary = destination + ".XXXXXX";
  UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.valid()) return write_failure(destination, errno);
  // mkostemp makes it private; a report is as readable as any file of this user.
  const mode_t mask = ::umask(0);
  ::umask(mask);
  const auto failed = [&] { return Result<void>(write_failure(destination, errno)); };
  auto done = ::fchmod(fd.get(), 0666 & ~mask) == 0 ? write_pieces(fd.get(), pieces, destination)
                                                    : failed();
  if (done && ::fsync(fd.get()) != 0) done = failed();
  if (done && ::rename(temporary.c_str(), destination.c_str()) != 0) done = failed();
  if (!done) ::unlink(temporary.c_str());
  return done;
}

/// A report's text up to its problems and from there on, at an indent of `indent`.
struct Frame {
  std::string head;
  std::string tail;
};
Frame frame_of(const Json& report, int indent) {
  // They are the last key, and empty.
  std::string text = report.dump(indent, ' ', false, Json::error_handler_t::replace);
  const std::size_t end = text.rfind(']');
  return {text.substr(0, end), text.substr(end)};
}

}  // namespace

std::string_view name(RunStatus status) {
  constexpr std::array<std::string_view, 3> kNames = {"complete", "partial", "interrupted"};
  return kNames[static_cast<std::size_t>(status)];
}

Json report_json(const RunFacts& facts, const Accounting& accounting) {
  return {{"repository", facts.repository},
          {"root", escape_path(facts.root)},
          {"head", facts.head ? Json(*facts.head) : Json(nullptr)},
          {"status", name(facts.status)},
          {"files", files_json(accounting)},
          {"partly_parsed", accounting.partly_parsed()},
          {"chunks",
           {{"written", accounting.chunks_written()},
            {"embedded", facts.texts.embedded},
            {"reused", facts.texts.reused},
            {"tokens", facts.texts.tokens}}},
          {"texts", texts_json(facts.texts)},
          {"commits", commits_json(facts.commits.value_or(RunFacts::Commits()))},
          {"graph",
           {{"nodes", 0},
            {"edges", 0},
            {"resolved_calls", 0},
            {"unresolved_calls", 0},
            {"external_calls", 0}}},
          {"workers", workers_json(facts.workers)},
          {"seconds", seconds_json(facts.seconds, accounting.stages())},
          {"memory",
           {{"supervisor_peak_rss_bytes", facts.memory.supervisor_peak_rss_bytes},
            {"workers_peak_pss_bytes", facts.memory.workers_peak_pss_bytes}}},
          {"languages", languages_json(accounting)},
          {"problems", Json::array()}};
}

std::string report_for_row(const Json& report, const ProblemList& problems) {
  const Frame frame = frame_of(report, -1);
  return frame.head + problems.beginning() + frame.tail;
}

TextPieces report_pieces(const Json& report, const ProblemList& problems) {
  return [frame = frame_of(report, 2), &problems](const auto& piece) -> Result<void> {
    if (auto taken = piece(frame.head); !taken) return taken;
    if (auto taken = problems.for_each_piece(piece); !taken) return taken;
    return piece(frame.tail + '\n');
  };
}

Result<void> check_report_destination(const std::string& destination) {
  if (destination.empty() || destination == "-") return {};
  struct stat status{};
  const bool exists = ::stat(destination.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) return write_failure(destination, EISDIR);
  // A regular file is replaced, for which its folder must be writable.
  const std::size_t slash = destination.rfind('/');
  const std::string folder =
      slash == std::string::npos ? "." : destination.substr(0, slash == 0 ? 1 : slash);
  const bool in_place = exists && !S_ISREG(status.st_mode);
  const std::string& written = in_place ? destination : folder;
  if (::faccessat(AT_FDCWD, written.c_str(), in_place ? W_OK : W_OK | X_OK, AT_EACCESS) != 0)
    return write_failure(destination, errno);
  if (in_place && S_ISFIFO(status.st_mode)) {
    // Opened at the end of the run, one that nobody reads would keep it for ever.
    const UniqueFd pipe(::open(destination.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    if (!pipe.valid()) return write_failure(destination, errno);
  }
  if (slash + 1 == destination.size()) return write_failure(destination, EISDIR);
  return {};
}

Result<void> write_report(const std::string& destination, const TextPieces& pieces) {
  if (destination == "-") return write_pieces(STDOUT_FILENO, pieces, destination);
  return is_special(destination) ? write_in_place(destination, pieces)
                                 : write_by_rename(destination, pieces);
}

}  // namespace forkdex
