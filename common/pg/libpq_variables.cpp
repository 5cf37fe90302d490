#include "common/pg/libpq_variables.h"

#include <stdlib.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <vector>

namespace forkdex {

void unset_libpq_variables() {
  std::vector<std::string> names;
  for (char** entry = ::environ; entry && *entry; ++entry) {
    const std::string_view text = *entry;
    if (text.starts_with("PG")) names.emplace_back(text.substr(0, text.find('=')));
  }
  for (const std::string& name : names) ::unsetenv(name.c_str());
}

}  // namespace forkdex
