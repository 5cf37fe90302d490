#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "common/error/fault.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// How often each name stands in a call of fault::point() in the programs.
std::map<std::string, int> passed_points() {
  std::map<std::string, int> passed;
  const std::string call = "fault::point(\"";
  for (const char* folder : {"supervisor", "worker"})
    for (const auto& entry :
         fs::recursive_directory_iterator(fs::path(FORKDEX_SOURCE_DIR) / folder)) {
      if (entry.path().extension() != ".cpp") continue;
      const std::string source = text_of(entry.path());
      for (std::size_t at = source.find(call); at != std::string::npos;
           at = source.find(call, at + 1)) {
        const std::size_t name = at + call.size();
        ++passed[source.substr(name, source.find('"', name) - name)];
      }
    }
  return passed;
}

TEST_CASE("fault points: each is passed somewhere, and broken by the black-box test") {
  std::map<std::string, int> passed = passed_points();
  const std::string blackbox =
      text_of(fs::path(FORKDEX_SOURCE_DIR) / "tests/blackbox/fault_test.cpp");
  for (const fault::Point& point : fault::points()) {
    const std::string name(point.name);
    INFO(name);
    CHECK(passed[name] >= 1);
    CHECK(blackbox.find('"' + name + '"') != std::string::npos);
    passed.erase(name);
  }
  for (const auto& [name, count] : passed) {
    INFO(name << " is passed, and no point");
    CHECK(false);
  }
}

}  // namespace
}  // namespace forkdex
