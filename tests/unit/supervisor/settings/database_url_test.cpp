#include "supervisor/settings/database_url.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/unit/supervisor/settings/settings_fixture.h"

namespace forkdex {
namespace {

using test::ConfigFile;
using test::refused;
using test::Words;

Settings understood(const Words& words, const Environment& environment) {
  const Result<Invocation> invocation = parse_invocation(words, environment);
  INFO((invocation ? std::string() : invocation.error().text()));
  REQUIRE(invocation.ok());
  return invocation->settings;
}

}  // namespace

TEST_CASE("settings: an empty database URL -> the embedded database, over all that it overrides",
          "[settings]") {
  const Environment named = {{"DATABASE_URL", "postgresql://h/d"}};
  Environment embedded = named;
  embedded["FORKDEX_DATABASE_URL"] = "";
  CHECK(understood({"src"}, embedded).database_url.empty());
  for (const Words& flag : {Words{"--database-url", ""}, Words{"--database-url="}}) {
    Words words = flag;
    words.emplace_back("src");
    CHECK(understood(words, named).database_url.empty());
  }
  const ConfigFile file(R"({"database-url": "postgresql://file/d"})");
  const Words configured = {"--config", file.path(), "src"};
  CHECK(understood(configured, {}).database_url == "postgresql://file/d");
  CHECK(understood(configured, embedded).database_url.empty());
  CHECK(understood(configured, {{"DATABASE_URL", ""}}).database_url == "postgresql://file/d");
  CHECK(understood({"--database-url", "postgresql://f/d", "src"}, embedded).database_url ==
        "postgresql://f/d");
  // Of every other setting an empty variable is none.
  CHECK(understood({"src"}, {{"FORKDEX_WORKERS", ""}}).workers == std::nullopt);
}

TEST_CASE("settings: a bad database URL -> the error names the source that gave it", "[settings]") {
  const std::string bad = "mysql://h/d";
  const Environment twin = {{"DATABASE_URL", bad}};
  CHECK(refused({"src"}, twin).sentence.starts_with("DATABASE_URL must be "));
  CHECK(refused({"src"}, twin).code == ErrorCode::kConfigInvalid);
  const Environment ours = {{"DATABASE_URL", "postgresql://h/d"}, {"FORKDEX_DATABASE_URL", bad}};
  CHECK(refused({"src"}, ours).sentence.starts_with("FORKDEX_DATABASE_URL must be "));
  const Error flag = refused({"--database-url", bad, "src"}, {});
  CHECK(flag.sentence.starts_with("--database-url must be "));
  CHECK(flag.code == ErrorCode::kUsage);
  const ConfigFile file(R"({"database-url": "mysql://h/d"})");
  CHECK(refused({"--config", file.path(), "src"})
            .sentence.starts_with("\"database-url\" in the --config file must be "));
  CHECK(understood({"src"}, {{"DATABASE_URL", bad}, {"FORKDEX_DATABASE_URL", "postgresql://h/d"}})
            .database_url == "postgresql://h/d");
}

TEST_CASE("settings: an unknown parameter of the database URL -> named, with the one meant",
          "[settings]") {
  struct Row {
    std::string parameters, named, meant;
  };
  const std::vector<Row> rows = {
      {"sslmod=require", "sslmod", "sslmode"},
      {"SSLMODE=require", "SSLMODE", "sslmode"},
      {"ssl_mode=require", "ssl_mode", "sslmode"},
      {"applicationName=x", "applicationName", "application_name"},
      {"host=/tmp&conect_timeout=3", "conect_timeout", "connect_timeout"},
      {"schema=public", "schema", ""},
      {"pgbouncer=true&sslmode=disable", "pgbouncer", ""},
      {"ssl=require", "ssl", ""},
      {"sslmode=disable&async_fallback=True", "async_fallback", ""},
      {"unkn\xC3\xB6wn=1", "unkn\xC3\xB6wn", ""},
  };
  for (const Row& row : rows) {
    for (const char* base : {"postgresql://h/d?", "postgres+psycopg://u:p%40@h:5432/?",
                             "postgresql://?", "postgresql://[::1]?"}) {
      const Error error = refused({"src"}, {{"DATABASE_URL", base + row.parameters}});
      INFO(base << row.parameters << ": " << error.text());
      CHECK(error.code == ErrorCode::kConfigInvalid);
      const std::string start = "DATABASE_URL has the unknown parameter \"" + row.named + "\"; ";
      CHECK(error.sentence.starts_with(start));
      if (!row.meant.empty())
        CHECK(error.sentence == start + "did you mean \"" + row.meant + "\"?");
    }
  }
  for (const char* good :
       {"postgresql://h/d?ssl=true", "postgresql://?host=/tmp&user=me", "postgresql:///d",
        "postgresql://u:p?x=y@h/d", "postgresql://h1,h2:5433/d?target_session_attrs=read-write"})
    CHECK(understood({"src"}, {{"DATABASE_URL", good}}).database_url == good);
}

TEST_CASE(
    "settings: a database URL that libpq cannot read -> refused without what may be a password",
    "[settings]") {
  for (const char* url :
       {"postgresql://u:se/cret?secret=secret@h/d", "postgresql://u@h/d?password=x&secret=y",
        "postgresql://u@h/d?password=secret&secret", "postgresql://u:%ZZsecret@h/d",
        "postgresql://h/d?secret", "postgresql://h/d?sslpassword=a&secret=b",
        "postgresql://[secret", "postgresql://h/d?options=%secret", "postgresql://h/d?=secret"}) {
    const Error error = refused({"src"}, {{"DATABASE_URL", url}});
    INFO(url << ": " << error.text());
    CHECK(error.code == ErrorCode::kConfigInvalid);
    CHECK(error.text().starts_with("DATABASE_URL must be a postgresql:// URL that libpq can read"));
    CHECK(error.text().find("secret") == std::string::npos);
  }
}

}  // namespace forkdex
