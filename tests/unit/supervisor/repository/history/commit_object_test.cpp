// The text of commit objects: of good ones, and of those that only git still reads.

#include <catch2/catch.hpp>
#include <string>

#include "supervisor/repository/history/commit_object.h"

namespace forkdex {
namespace {

const std::string kId = "0123456789abcdef0123456789abcdef01234567";

std::string object(const std::string& author, const std::string& more, const std::string& message) {
  return "tree " + kId + "\nparent " + kId + "\nauthor " + author +
         "\ncommitter C <c@d> 12 +0000\n" + more + "\n" + message;
}

Commit text_of(const std::string& object) {
  Commit commit;
  read_commit_text(object, commit);
  return commit;
}

TEST_CASE("commit object: links and ids are read, and what is none is refused") {
  const auto links = commit_links(object("A <a@b> 7 +0100", "", "m"));
  REQUIRE(links);
  CHECK(hex(links->tree) == kId);
  CHECK(links->parents.size() == 1);
  CHECK(links->committed_at == 12);
  CHECK(commit_links("tree " + kId + "\n\nno parent, no author")->parents.empty());
  CHECK_FALSE(commit_links(""));
  CHECK_FALSE(commit_links("tree 12\n"));
  CHECK_FALSE(commit_links("parent " + kId + "\n"));
  CHECK_FALSE(object_id(kId.substr(1)));
  CHECK_FALSE(object_id("g" + kId.substr(1)));
  CHECK(hex(*object_id(kId)) == kId);
}

TEST_CASE("commit object: authors and dates are those git shows, or the nearest there is") {
  const Commit good = text_of(object("A U Thor <a@b> 1700000000 +0530", "", "m"));
  CHECK(good.author == "A U Thor <a@b>");
  CHECK(good.authored_at == 1'700'000'000);
  CHECK(text_of(object("A <a@b> -5 +0000", "", "m")).authored_at == -5);
  CHECK(text_of(object("A <a@b>", "", "m")).authored_at == 0);
  CHECK(text_of(object("A <a@b> 99999999999999999999 +0000", "", "m")).authored_at == 0);
  CHECK(text_of(object("A <a@b> 9999999999999 +0000", "", "m")).authored_at == 253'402'300'799);
  CHECK(text_of(object("no address 5 +0000", "", "m")).author == "no address 5 +0000");
  CHECK(text_of("tree " + kId + "\n\nm").author.empty());
}

TEST_CASE("commit object: messages are UTF-8 without NUL, whatever they were") {
  CHECK(text_of(object("A <a@b> 1 +0000", "", "\n\n  Subject\n\nBody\n\n\n")).message ==
        "  Subject\n\nBody");
  CHECK(text_of(object("A <a@b> 1 +0000", "", "\n \n")).message.empty());
  CHECK(text_of(object("A <a@b> 1 +0000", "", std::string("a\0b", 3))).message == "a b");
  CHECK(text_of(object("A <a@b> 1 +0000", "", "caf\xE9")).message == "caf\xC3\xA9");
  CHECK(text_of(object("\xC9 <a@b> 1 +0000", "encoding ISO-8859-1\n", "caf\xE9")).author ==
        "\xC3\x89 <a@b>");
  // UTF-8 by its looks, but it says otherwise.
  CHECK(text_of(object("A <a@b> 1 +0000", "encoding latin1\n", "\xC3\xA9")).message ==
        "\xC3\x83\xC2\xA9");
  CHECK(text_of(object("A <a@b> 1 +0000", "encoding UTF-16LE\n", std::string("a\0\xE9\0", 4)))
            .message == "a\xC3\xA9");
  CHECK(text_of(object("A <a@b> 1 +0000", "encoding no-such\n", "\xE9")).message == "\xC3\xA9");
  CHECK(text_of(object("A <a@b> 1 +0000", "gpgsig -----BEGIN\n encoding x\n -----END\n", "signed"))
            .message == "signed");
}

TEST_CASE("commit object: a message without end is cut between two characters") {
  std::string endless;
  while (endless.size() < Commit::kMostMessageBytes + 10) endless += "\xE2\x82\xAC";
  const Commit commit = text_of(object("A <a@b> 1 +0000", "", endless));
  CHECK(commit.message.size() <= Commit::kMostMessageBytes);
  CHECK(commit.message.size() > Commit::kMostMessageBytes - 3);
  CHECK(commit.message.ends_with("\xE2\x82\xAC"));
}

}  // namespace
}  // namespace forkdex
