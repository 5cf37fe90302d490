#pragma once

// Fault points: places where a test makes a process break. A program linked with
// forkdex_faults obeys FORKDEX_FAULT; one linked with forkdex_no_faults, which is what users get,
// holds nothing of it but an empty function.
//
// FORKDEX_FAULT is one or more of POINT=ACTION[@N][:TEXT], separated by ';'. ACTION is exit, abort,
// segv, kill, hang, allocate (without end) or error; @N strikes at the Nth pass of a process, and
// :TEXT only over a path that holds TEXT. With FORKDEX_FAULT_ONCE=FILE each strikes once, in
// whatever process comes first; FILE then holds a 1 at the place of its number.

#include <span>
#include <string_view>

#include "common/error/error.h"
#include "common/error/result.h"

namespace forkdex::fault {

struct Point {
  std::string_view name;
  std::string_view sentence;  ///< where it stands
  ErrorCode error;            ///< what "error" returns there
};

/// Every point there is; a test checks that each is passed somewhere.
std::span<const Point> points();

/// Strikes where the environment says so. `path` is the file in hand, if one is. REQUIRES that
/// `name` is one of points(). ERRORS that of the point.
[[nodiscard]] Result<void> point(std::string_view name, std::string_view path = {});

}  // namespace forkdex::fault
