#pragma once

#include <map>
#include <string>

#include "tests/support/database.h"

namespace forkdex::test {

/// What became of each file of a database, by its path as the rows spell it: "indexed",
/// "skipped: binary", "indexed (decoded as Latin-1)". Details of what is not indexed are left out.
inline std::map<std::string, std::string> file_states(const Database& database) {
  std::map<std::string, std::string> states;
  for (const Row& row : database.rows(
           "SELECT path, state || coalesce(': ' || reason, '') ||"
           " CASE WHEN state IN ('indexed', 'empty') THEN coalesce(' (' || detail || ')', '')"
           " ELSE '' END FROM forkdex.files"))
    states[row[0]] = row[1];
  return states;
}

}  // namespace forkdex::test
