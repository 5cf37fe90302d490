#pragma once

#include <span>
#include <string_view>

namespace forkdex {

/// One step of the schema, forward only. Its version is its place, counted from 1.
struct Migration {
  std::string_view name;
  std::string_view sql;
};

/// All steps in order: the files of migrations/, compiled in. A step that has been released is
/// never edited; the next one changes what it made.
std::span<const Migration> migrations();

}  // namespace forkdex
