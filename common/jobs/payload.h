#pragma once

// What the segment asks of a payload, which it carries without opening it.

#include <string_view>

#include "common/jobs/job.h"

namespace forkdex {

/// Whether a handler of `kind` can have written `payload` into an outcome that ended as `end`.
bool is_result_of(JobKind kind, JobEnd end, std::string_view payload);

}  // namespace forkdex
