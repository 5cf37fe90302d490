#pragma once

// The words that every kind of progress shares.

#include <chrono>
#include <string>
#include <string_view>

#include "supervisor/run/file_job.h"

namespace forkdex {

/// "0:42", "12:05", "3:07:09".
std::string clock_text(std::chrono::seconds time);

/// One finished file: "indexed src/a.ts: 12 chunks, 0.31 s, worker 1", newline included.
std::string file_line(unsigned slot, const FinishedFile& file);

/// Writes all of `text`. BLOCKS until it is taken; an error drops the rest, for nobody is left to
/// be told.
void write_text(int fd, std::string_view text);

}  // namespace forkdex
