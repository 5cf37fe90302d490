#include "supervisor/settings/settings.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>

#include <catch2/catch.hpp>

#include "tests/unit/supervisor/settings/settings_fixture.h"

#include "common/protocol/segment.h"
#include "supervisor/settings/settings_table.h"

namespace forkdex {
namespace {

using test::ConfigFile;
using test::refused;
using test::Words;

Invocation understood(const Words& words, const Environment& environment = {}) {
  Result<Invocation> invocation = parse_invocation(words, environment);
  INFO((invocation ? std::string() : invocation.error().text()));
  REQUIRE(invocation.ok());
  return *std::move(invocation);
}

}  // namespace

TEST_CASE("settings: the defaults of the table equal those of the struct", "[settings]") {
  Settings settings;
  settings.max_file_size = settings.in_flight = settings.batch_tokens = settings.limit = 0;
  settings.full = settings.wait = settings.json = true;
  for (const SettingRow& row : settings_table()) {
    INFO(row.name);
    if (!row.default_value.empty()) CHECK(row.set(settings, {std::string(row.default_value)}));
  }
  CHECK(settings == Settings{});
  CHECK(understood({"folder"}).settings == Settings{});
}

TEST_CASE("settings: every row has its own name, a sentence, a range and a subcommand",
          "[settings]") {
  for (const SettingRow& row : settings_table()) {
    INFO(row.name);
    CHECK(find_setting(row.name) == &row);
    CHECK(row.sentence.ends_with("."));
    CHECK_FALSE(row.range.empty());
    CHECK(row.subcommands != 0);
  }
}

TEST_CASE("settings: an option without effect -> its sentence says so", "[settings]") {
  CHECK(find_setting("device")->sentence.starts_with(
      "Reserved: both values run the models on the processor"));
  CHECK(find_setting("no-graph")->sentence == "Reserved: this version builds no graph.");
}

TEST_CASE("settings: the sentence of --quiet mentions log lines, that of --verbose does not",
          "[settings]") {
  CHECK_THAT(std::string(find_setting("verbose")->sentence), !Catch::Contains("log line"));
  CHECK_THAT(std::string(find_setting("quiet")->sentence),
             Catch::Contains("log lines below warnings"));
}

TEST_CASE("settings: a path -> index, a subcommand's name -> that subcommand", "[settings]") {
  CHECK(understood({"src"}).subcommand == Subcommand::kIndex);
  CHECK(understood({"--workers", "4", "src"}).arguments == Words{"src"});
  CHECK(understood({"index", "search"}).arguments == Words{"search"});
  CHECK(understood({"search", "--limit", "3", "query"}).subcommand == Subcommand::kSearch);
  CHECK(understood({"--limit=3", "search", "query"}).settings.limit == 3);
  CHECK(understood({"status"}).subcommand == Subcommand::kStatus);
  CHECK(understood({"./status"}).subcommand == Subcommand::kIndex);
}

TEST_CASE("settings: a word after two dashes -> an argument", "[settings]") {
  const Invocation folder = understood({"--", "status"});
  CHECK(folder.subcommand == Subcommand::kIndex);
  CHECK(folder.arguments == Words{"status"});
  CHECK(understood({"search", "--", "--help"}).arguments == Words{"--help"});
  CHECK(understood({"search", "--json", "--", "-x"}).settings.json);
  CHECK(understood({"search", "-"}).arguments == Words{"-"});
}

/// The values of one option, and the change of Settings that they must make.
struct Reach {
  Words values;
  std::function<void(Settings&)> change;
};

template <class Member, class Value>
std::function<void(Settings&)> to(Member Settings::* member, const Value& value) {
  return [=](Settings& settings) { settings.*member = value; };
}

const std::map<std::string_view, Reach>& reaches() {
  static const std::map<std::string_view, Reach> all = {
      {"repository", {{"rx"}, to(&Settings::repository, "rx")}},
      {"rev", {{"v1"}, to(&Settings::rev, "v1")}},
      {"workers", {{"3"}, to(&Settings::workers, 3)}},
      {"database-url", {{"postgres://h/d"}, to(&Settings::database_url, "postgres://h/d")}},
      {"code-model", {{"m"}, to(&Settings::code_model, "m")}},
      {"text-model", {{"t"}, to(&Settings::text_model, "t")}},
      {"dimensions", {{"256"}, to(&Settings::dimensions, 256)}},
      {"query-prefix", {{"q: "}, to(&Settings::query_prefix, "q: ")}},
      {"document-prefix", {{"d: "}, to(&Settings::document_prefix, "d: ")}},
      {"precision", {{"fp32"}, to(&Settings::precision, Precision::kFp32)}},
      {"device", {{"cpu"}, to(&Settings::device, Device::kCpu)}},
      {"max-file-size", {{"2 MiB"}, to(&Settings::max_file_size, 2 << 20)}},
      {"memory-per-worker", {{"1GiB"}, to(&Settings::memory_per_worker, 1 << 30)}},
      {"file-timeout", {{"61"}, to(&Settings::file_timeout, 61)}},
      {"database-timeout", {{"62"}, to(&Settings::database_timeout, 62)}},
      {"in-flight", {{"5"}, to(&Settings::in_flight, 5)}},
      {"batch-tokens", {{"512"}, to(&Settings::batch_tokens, 512)}},
      {"include", {{"*.ts", "[a,b]*"}, to(&Settings::include, Words({"*.ts", "[a,b]*"}))}},
      {"exclude", {{"x", "y"}, to(&Settings::exclude, Words({"x", "y"}))}},
      {"languages",
       {{"typescript,tsx", "go"}, to(&Settings::languages, Words({"typescript", "tsx", "go"}))}},
      {"shard", {{"2/4"}, to(&Settings::shard, Shard::parse("2/4"))}},
      {"files-from", {{"list"}, to(&Settings::files_from, "list")}},
      {"keep-vectors", {{"63"}, to(&Settings::keep_vectors, 63)}},
      {"full", {{"true"}, to(&Settings::full, true)}},
      {"retry-failed", {{"true"}, to(&Settings::retry_failed, true)}},
      {"wait", {{"true"}, to(&Settings::wait, true)}},
      {"no-graph", {{"true"}, to(&Settings::no_graph, true)}},
      {"no-commits", {{"true"}, to(&Settings::no_commits, true)}},
      {"no-vectors", {{"true"}, to(&Settings::no_vectors, true)}},
      {"progress", {{"json"}, to(&Settings::progress, ProgressStyle::kJson)}},
      {"report", {{"-"}, to(&Settings::report, "-")}},
      {"limit", {{"64"}, to(&Settings::limit, 64)}},
      {"language", {{"go"}, to(&Settings::language, "go")}},
      {"path", {{"*.py"}, to(&Settings::path_glob, "*.py")}},
      {"kind", {{"method"}, to(&Settings::kind, "method")}},
      {"words", {{"true"}, to(&Settings::words, true)}},
      {"json", {{"true"}, to(&Settings::json, true)}},
      {"verbose", {{"true"}, to(&Settings::verbosity, Verbosity::kVerbose)}},
      {"quiet", {{"true"}, to(&Settings::verbosity, Verbosity::kQuiet)}},
      {"log-format", {{"json"}, to(&Settings::log_format, LogFormat::kJson)}},
  };
  return all;
}

TEST_CASE("settings: every option -> its own member of Settings", "[settings]") {
  std::vector<const SettingRow*> seen;
  for (const SettingRow& row : settings_table()) {
    if (row.name == "config") continue;  // names the file, and has no member
    INFO("--" << row.name);
    const auto reach = reaches().find(row.name);
    REQUIRE(reach != reaches().end());
    const auto& [values, change] = reach->second;
    Words words = {row.used_by(Subcommand::kIndex) ? "index" : "search", "argument"};
    for (const std::string& value : values) {
      words.push_back("--" + std::string(row.name));
      if (row.is_flag()) continue;
      words.push_back(value);
    }
    Settings expected;
    change(expected);
    CHECK(expected != Settings{});
    CHECK(understood(words).settings == expected);
    // Two that reach one member: the later value alone is left.
    for (const SettingRow* other : seen) {
      INFO("after --" << other->name);
      Settings both;
      REQUIRE(other->set(both, reaches().at(other->name).values));
      REQUIRE(row.set(both, values));
      const bool shared = row.name == "quiet" && other->name == "verbose";
      CHECK((both == expected) == shared);
    }
    seen.push_back(&row);
  }
  CHECK(seen.size() == reaches().size());
}

TEST_CASE("settings: a flag overrides a variable, a variable overrides the file", "[settings]") {
  const ConfigFile file(R"({"workers": 2, "in-flight": 3, "batch-tokens": 300, "full": true,
                            "exclude": ["a", "b"], "quiet": true})");
  const Environment environment = {{"FORKDEX_CONFIG", file.path()},
                                   {"FORKDEX_WORKERS", "5"},
                                   {"FORKDEX_IN_FLIGHT", "6"},
                                   {"FORKDEX_EXCLUDE", "c\nd,e"},
                                   {"FORKDEX_BATCH_TOKENS", ""}};
  const Settings settings = understood({"--workers=8", "--verbose", "src"}, environment).settings;
  CHECK(settings.workers == 8U);
  CHECK(settings.in_flight == 6);
  CHECK(settings.batch_tokens == 300);
  CHECK(settings.full);
  CHECK(settings.exclude == Words{"c", "d,e"});
  CHECK(settings.verbosity == Verbosity::kVerbose);
  CHECK_FALSE(understood({"--full=false", "src"}, environment).settings.full);
}

TEST_CASE("settings: FORKDEX_DATABASE_URL overrides DATABASE_URL, whose driver is dropped",
          "[settings]") {
  const Environment generic = {{"DATABASE_URL", "postgresql+asyncpg://u:p@h/d"}};
  CHECK(understood({"src"}, generic).settings.database_url == "postgresql://u:p@h/d");
  Environment both = generic;
  both["FORKDEX_DATABASE_URL"] = "postgresql://other/d";
  CHECK(understood({"src"}, both).settings.database_url == "postgresql://other/d");
}

TEST_CASE("settings: sizes are powers of 1024", "[settings]") {
  const auto [text, bytes] =
      GENERATE(table<std::string, std::uint64_t>({{"1", 1},
                                                  {"512", 512},
                                                  {"3b", 3},
                                                  {"64K", 65536},
                                                  {"1kB", 1024},
                                                  {"10 MiB", 10485760},
                                                  {"1GiB", 1073741824},
                                                  {"1073741824", 1073741824}}));
  INFO(text);
  CHECK(understood({"--max-file-size", text, "src"}).settings.max_file_size == bytes);
}

TEST_CASE("settings: a value outside its range -> 64 from a flag, 78 from a variable or the file",
          "[settings]") {
  const auto [option, value] =
      GENERATE(table<std::string, std::string>({{"workers", "0"},
                                                {"workers", "257"},
                                                {"workers", "4x"},
                                                {"workers", "-1"},
                                                {"precision", "bf8"},
                                                {"device", "cuda"},
                                                {"max-file-size", "0"},
                                                {"max-file-size", "2GiB"},
                                                {"max-file-size", "1iB"},
                                                {"max-file-size", "99999999999T"},
                                                {"max-file-size", "MiB"},
                                                {"languages", "klingon"},
                                                {"languages", "python,"},
                                                {"progress", "fancy"},
                                                {"full", "maybe"},
                                                {"in-flight", "1e3"},
                                                {"in-flight", "0"},
                                                {"in-flight", std::to_string(kSlots + 1)},
                                                {"log-format", "xml"}}));
  INFO(option << '=' << value);
  const SettingRow& row = *find_setting(option);
  const Error flag = refused({"--" + option + "=" + value, "src"});
  CHECK(flag.code == ErrorCode::kUsage);
  CHECK(traits(flag.code).exit_status == 64);
  CHECK(flag.sentence ==
        "--" + option + " is \"" + value + "\" but must be " + std::string(row.range));
  const Error variable = refused({"src"}, {{environment_name(row), value}});
  CHECK(traits(variable.code).exit_status == 78);
  CHECK(variable.sentence.starts_with(environment_name(row)));
  const ConfigFile file("{\"" + option + "\": \"" + value + "\"}");
  CHECK(refused({"--config", file.path(), "src"}).code == ErrorCode::kConfigInvalid);
}

TEST_CASE("settings: the range of --in-flight ends at the number of slots of a worker",
          "[settings]") {
  const std::string most = std::to_string(kSlots);
  CHECK(understood({"--in-flight", "1", "src"}).settings.in_flight == 1);
  CHECK(understood({"--in-flight", most, "src"}).settings.in_flight == kSlots);
  CHECK(find_setting("in-flight")->range == "a whole number from 1 to " + most);
}

TEST_CASE("settings: a config file without an object of known settings -> 78", "[settings]") {
  const auto text =
      GENERATE(as<std::string>(), "", "[]", "{", "{\"worker\": 1}", "{\"workers\": [1]}",
               "{\"workers\": null}", "{\"workers\": -1}", "{\"full\": 1}", "{\"exclude\": [1]}",
               "{\"config\": \"x\"}", "{\"limit\": 1}", "{\"workers\": 1.5}");
  INFO(text);
  const ConfigFile file(text);
  CHECK(refused({"--config", file.path(), "src"}).code == ErrorCode::kConfigInvalid);
  CHECK(refused({"--config", "/nonexistent/file", "src"}).code == ErrorCode::kConfigInvalid);
}

TEST_CASE("settings: a key that the config file cannot hold -> the error says what to give instead",
          "[settings]") {
  const auto [text, sentence] = GENERATE(table<std::string, std::string>(
      {{"[]", R"(the --config file must hold a JSON object, e.g. {"workers": 4})"},
       {R"({"worker": 1})",
        R"(unknown setting "worker" in the --config file; did you mean "workers"?)"},
       {R"({"colour": 1})",
        R"(unknown setting "colour" in the --config file; supervisor --help lists the settings)"},
       {R"({"limit": 1})", R"(the --config file cannot set "limit"; give --limit as an option)"},
       {R"({"limits": 1})",
        R"(unknown setting "limits" in the --config file; supervisor --help lists the settings)"},
       {R"({"full": 1})",
        R"("full" in the --config file must be )" + std::string(find_setting("full")->range)}}));
  const ConfigFile file(text);
  CHECK(refused({"--config", file.path(), "src"}).sentence == sentence);
}

TEST_CASE(
    "settings: an option that the subcommand does not use -> refused as a flag, not as a variable",
    "[settings]") {
  CHECK(refused({"status", "--workers", "2"}).code == ErrorCode::kUsage);
  CHECK(refused({"--json", "src"}).code == ErrorCode::kUsage);
  CHECK(understood({"status"}, {{"FORKDEX_WORKERS", "many"}}).subcommand == Subcommand::kStatus);
}

TEST_CASE("settings: an invalid command line -> an error that says what to give", "[settings]") {
  CHECK(refused({}).sentence.find("supervisor PATH") != std::string::npos);
  CHECK(refused({"--worker", "2", "src"}).sentence ==
        "unknown option --worker; did you mean --workers?");
  CHECK(refused({"-x", "src"}).code == ErrorCode::kUsage);
  CHECK(refused({"---", "src"}).sentence.starts_with("unknown option ---;"));
  CHECK(refused({"--=1", "src"}).sentence.starts_with("unknown option --;"));
  CHECK(refused({"src", "--workers"}).sentence.starts_with("--workers needs a value"));
  CHECK(refused({"search"}).sentence ==
        "search needs the argument QUERY; usage: supervisor search QUERY");
  CHECK(refused({"search", "two", "words"}).sentence ==
        "unexpected argument \"words\"; usage: supervisor search QUERY, with quotes around a QUERY "
        "of several words");
  CHECK(refused({"a", "b"}).sentence ==
        "unexpected argument \"b\"; usage: supervisor index PATH|URL");
  CHECK(refused({""}).sentence ==
        "an argument of index is empty; usage: supervisor index PATH|URL");
  CHECK(refused({"-x", "status"}).sentence ==
        "unknown option -x; supervisor status --help lists the options");
  CHECK(refused({"--json", "src"}).sentence ==
        "--json is not an option of index; supervisor index --help lists the options");
  CHECK(refused({"database", "backup"}).code == ErrorCode::kUsage);
  CHECK(refused({"database", "start", "--database-url", "postgresql://h/d"}).sentence ==
        "--database-url is not an option of database start, which is about the embedded database; "
        "leave it out");
  for (const char* verb : {"start", "stop", "url"})
    for (const char* url : {"postgresql://h/d", "mysql://h/d"})
      CHECK(understood({"database", verb}, {{"DATABASE_URL", url}}).settings.database_url.empty());
  CHECK(understood({"database", "index", "--database-url", "postgresql://h/d"})
            .settings.database_url == "postgresql://h/d");
  CHECK(refused({"doctor", "x"}).sentence == "unexpected argument \"x\"; usage: supervisor doctor");
  CHECK(refused({"--verbose", "--quiet", "src"}).code == ErrorCode::kUsage);
  const auto unbuilt = GENERATE(as<std::string>(), "graph", "serve", "mcp");
  CHECK(refused({unbuilt, "x"}).code == ErrorCode::kUsage);
  CHECK(understood({"--", unbuilt}).subcommand == Subcommand::kIndex);
}

TEST_CASE("settings: an error does not hold the database URL", "[settings]") {
  const Environment bad = {{"DATABASE_URL", "mysql://user:secret@h/d"}};
  CHECK(refused({"src"}, bad).text().find("secret") == std::string::npos);
  CHECK(refused({"--database-url", "secret@h", "src"}).text().find("secret") == std::string::npos);
  const ConfigFile file(R"({"database-url": ["secret"]})");
  CHECK(refused({"--config", file.path(), "src"}).text().find("secret") == std::string::npos);
}

TEST_CASE("settings: --help and --version -> answered without checking other options",
          "[settings]") {
  CHECK(understood({"--help"}).request == Invocation::Request::kHelp);
  CHECK(understood({"--version"}).request == Invocation::Request::kVersion);
  const Invocation search = understood({"search", "-h"});
  CHECK(search.request == Invocation::Request::kHelp);
  for (const SettingRow& row : settings_table()) {
    const std::string option = "\n  --" + std::string(row.name);
    CHECK((help_text(search).find(option) != std::string::npos) ==
          row.used_by(Subcommand::kSearch));
  }
  const std::string whole = help_text(understood({"--help"}));
  for (const SubcommandRow& row : subcommand_table())
    CHECK(whole.find("\n  " + std::string(row.name) + ' ') != std::string::npos);
  for (const std::string_view word : reserved_words())
    CHECK(whole.find("\n  " + std::string(word) + ' ') == std::string::npos);
  std::size_t longest = 0;
  for (std::size_t from = 0; from < whole.size(); from = whole.find('\n', from) + 1)
    longest = std::max(longest, whole.find('\n', from) - from);
  CHECK(longest <= 100);
}

TEST_CASE("settings: a config that is not a regular file -> refused without waiting",
          "[settings]") {
  const ConfigFile file("");
  std::filesystem::remove(file.path());
  SECTION("a folder") { REQUIRE(std::filesystem::create_directory(file.path())); }
  SECTION("a FIFO without a writer") { REQUIRE(::mkfifo(file.path().c_str(), 0600) == 0); }
  const Error by_flag = refused({"--config", file.path(), "src"});
  CHECK(by_flag.code == ErrorCode::kConfigInvalid);
  CHECK_THAT(by_flag.sentence, Catch::Contains("cannot be read"));
  CHECK(refused({"src"}, {{"FORKDEX_CONFIG", file.path()}}).code == ErrorCode::kConfigInvalid);
}

TEST_CASE("settings: text for the database must be UTF-8, a path may be any bytes", "[settings]") {
  const auto words =
      GENERATE(Words{"--repository", "a\xff", "src"}, Words{"search", "--kind", "a\xff", "query"},
               Words{"search", "--language", "a\xff", "query"}, Words{"search", "a\xff"},
               Words{"status", "a\xff"}, Words{"failures", "a\xff"}, Words{"remove", "a\xff"});
  const Error error = refused(words);
  CHECK(error.code == ErrorCode::kUsage);
  CHECK_THAT(error.sentence, Catch::Contains("a\\xff"));
  CHECK(refused({"src"}, {{"FORKDEX_REPOSITORY", "a\xff"}}).code == ErrorCode::kConfigInvalid);
  CHECK(understood({"--report", "a\xff", "p\xff"}).arguments == Words{"p\xff"});
  CHECK(understood({"search", "na\xc3\xafve"}).arguments == Words{"na\xc3\xafve"});
}

TEST_CASE("settings: a malformed glob -> an error that names it", "[settings]") {
  const Error include = refused({"--include", "*.ts", "--include", "src/[ab", "src"});
  CHECK(include.code == ErrorCode::kUsage);
  CHECK_THAT(include.sentence, Catch::Contains("src/[ab"));
  CHECK(refused({"--exclude", "[", "src"}).code == ErrorCode::kUsage);
  CHECK(refused({"search", "--path", "[", "query"}).code == ErrorCode::kUsage);
  CHECK(refused({"src"}, {{"FORKDEX_EXCLUDE", "a\n["}}).code == ErrorCode::kConfigInvalid);
}

// WRITE_PAGES=1 writes the page before comparing it.
TEST_CASE("settings: docs/configuration.md equals the generated page", "[settings]") {
  const std::string file = FORKDEX_SOURCE_DIR "/docs/configuration.md";
  if (std::getenv("WRITE_PAGES")) std::ofstream(file) << configuration_page();
  std::ifstream stream(file);
  const std::string page((std::istreambuf_iterator<char>(stream)), {});
  CHECK(page == configuration_page());
}

}  // namespace forkdex
