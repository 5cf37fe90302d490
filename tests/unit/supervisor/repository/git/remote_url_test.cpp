#include "supervisor/repository/git/remote_url.h"

#include <catch2/catch.hpp>
#include <string>

using forkdex::ErrorCode;
using forkdex::is_remote_url;
using forkdex::parse_remote_url;

namespace {

forkdex::RemoteUrl parsed(const std::string& url) {
  auto remote = parse_remote_url(url);
  if (!remote) FAIL(remote.error().text());
  return *remote;
}

std::string refusal(const std::string& url) {
  const auto remote = parse_remote_url(url);
  REQUIRE_FALSE(remote.ok());
  CHECK(remote.error().code == ErrorCode::kUsage);
  return remote.error().text();
}

}  // namespace

TEST_CASE("remote url: what git clones is told from a path", "[url]") {
  for (const char* url :
       {"https://h/x.git", "ssh://u@h/x", "git@h:x/y.git", "file:///a/b", "x://y"})
    CHECK(is_remote_url(url));
  for (const char* path : {"x", "./a@b:c", "/a/b:c@d", "host:path", "a/b@c:d", ""})
    CHECK_FALSE(is_remote_url(path));
}

TEST_CASE("remote url: the name is the last part", "[url]") {
  CHECK(parsed("https://h/a/x.git").name == "x");
  CHECK(parsed("https://h/a/x/").name == "x");
  CHECK(parsed("https://h/a/x/").shown == "https://h/a/x");
  CHECK(parsed("file:///a/x/.git").name == "x");
  CHECK(parsed("git@h:x.git").name == "x");
  CHECK(parsed("git@h:a/y").name == "y");
  CHECK(parsed("git://h:99/~me/z.git/").name == "z");
}

TEST_CASE("remote url: user and password travel apart from the address", "[url]") {
  const auto both = parsed("https://me%40there:p%3Aw%zz@h:8443/x.git?k=v");
  CHECK(both.shown == "https://h:8443/x.git");
  CHECK(both.argument == both.shown);
  CHECK(both.user == "me@there");
  CHECK(both.password == "p:w%zz");
  const auto user = parsed("http://token@h/x");
  CHECK(user.argument == "http://h/x");
  CHECK(user.user == "token");
  CHECK(user.password.empty());
  const auto ssh = parsed("ssh://me@h/x.git");
  CHECK(ssh.shown == "ssh://h/x.git");
  CHECK(ssh.argument == "ssh://me@h/x.git");  // no secret, and ssh has no other way to know it
  const auto scp = parsed("git@h:a/x.git");
  CHECK(scp.shown == "h:a/x.git");
  CHECK(scp.argument == "git@h:a/x.git");
}

TEST_CASE("remote url: what cannot be fetched from is refused, without its secrets", "[url]") {
  CHECK_THAT(refusal("ext::sh -c x://y"), Catch::Contains("no protocol"));
  CHECK_THAT(refusal("ftp://me:hunter2@h/x"), Catch::Contains("no protocol"));
  CHECK_THAT(refusal("--upload-pack=x://h/y"), Catch::Contains("no protocol"));
  CHECK_THAT(refusal("-oProxyCommand=x@h:y"), Catch::Contains("dash"));
  CHECK_THAT(refusal("ssh://-oProxyCommand=x/y"), Catch::Contains("dash"));
  CHECK_THAT(refusal("ssh://-oProxyCommand=x@h/y"), Catch::Contains("dash"));
  CHECK_THAT(refusal("git@-oProxyCommand=x:y"), Catch::Contains("dash"));
  CHECK_THAT(refusal("https:///x"), Catch::Contains("no host"));
  CHECK_THAT(refusal("https://h"), Catch::Contains("no repository"));
  CHECK_THAT(refusal("https://h/x\ny"), Catch::Contains("control"));
  CHECK_THAT(refusal("https://a:b%0Ac@h/x"), Catch::Contains("control"));
  const std::string ssh = refusal("ssh://me:hunter2@h/x");
  CHECK_THAT(ssh, Catch::Contains("password"));
  CHECK_THAT(ssh, !Catch::Contains("hunter2"));
  CHECK_THAT(refusal("ftp://me:hunter2@h/x"), !Catch::Contains("hunter2"));
}
