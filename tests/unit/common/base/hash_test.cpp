#include "common/base/hash.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/support/scratch_repository.h"

TEST_CASE("hash: a blob's id is the one git gives it", "[hash]") {
  using forkdex::git_blob_id;
  CHECK(git_blob_id("") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  const forkdex::test::ScratchFolder folder;
  const std::string all_bytes("\0line\r\n\xFF\x80 and no end", 20);
  for (const std::string& bytes : {std::string("x\n"), all_bytes, std::string(100'000, 'y')})
    CHECK(git_blob_id(bytes) + "\n" ==
          folder.git({"hash-object", "--no-filters", "--stdin"}, bytes));
}
