#include "supervisor/installation/program_name.h"

#include <cerrno>

namespace forkdex {

std::string_view program_name() { return program_name(program_invocation_name); }

std::string_view program_name(std::string_view path) {
  const std::string_view last = path.substr(path.rfind('/') + 1);
  return last == "forkdex" ? last : std::string_view("supervisor");
}

}  // namespace forkdex
