#include "tests/fuzz/fuzz_target.h"

#include <vector>

namespace forkdex::fuzz {
namespace {

// Filled before main() by objects of other files, in whatever order the linker chose.
std::vector<Target>& registered() {
  static std::vector<Target> all;
  return all;
}

}  // namespace

void expect(bool holds, const char* what) {
  if (!holds) throw Broken(what);
}

Registration::Registration(std::string_view name, Check check) {
  registered().push_back({name, check});
}

std::span<const Target> targets() { return registered(); }

std::string_view Input::bytes(std::size_t size) {
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(taken.size());
  return taken;
}

std::string_view Input::line() {
  const std::size_t end = rest_.find('\n');
  const std::string_view taken = bytes(end);
  bytes(1);
  return taken;
}

}  // namespace forkdex::fuzz
