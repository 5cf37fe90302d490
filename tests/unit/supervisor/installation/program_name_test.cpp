#include "supervisor/installation/program_name.h"

#include <catch2/catch.hpp>

namespace forkdex {

TEST_CASE("program name: started as forkdex -> forkdex, by any other path -> supervisor",
          "[installation]") {
  for (const char* path : {"forkdex", "./forkdex", "/usr/bin/forkdex"}) {
    INFO(path);
    CHECK(program_name(path) == "forkdex");
  }
  for (const char* path :
       {"supervisor", "/opt/forkdex/bin/supervisor", "forkdex2", "forkdex/", ""}) {
    INFO(path);
    CHECK(program_name(path) == "supervisor");
  }
  CHECK(program_name() == "supervisor");  // as these tests are called otherwise
}

}  // namespace forkdex
