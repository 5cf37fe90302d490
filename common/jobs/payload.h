#pragma once

// For whoever carries payloads without opening them: whether a worker can have meant one.

#include <string_view>

#include "common/jobs/job.h"

namespace forkdex {

/// Whether `payload` is what a handler of `kind` writes into an outcome that ended as `end`.
bool is_result_of(JobKind kind, JobEnd end, std::string_view payload);

}  // namespace forkdex
