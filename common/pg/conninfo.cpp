#include "common/pg/conninfo.h"

#include <libpq-fe.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

namespace forkdex {
namespace {

constexpr std::chrono::seconds kDefaultConnectTimeout{10};

}  // namespace

void Conninfo::Free::operator()(PQconninfoOption* options) const { PQconninfoFree(options); }

std::optional<Conninfo> Conninfo::parse(const std::string& text) {
  char* message = nullptr;
  Conninfo named(PQconninfoParse(text.c_str(), &message));
  PQfreemem(message);
  if (!named.options_) return std::nullopt;
  Conninfo all(PQconndefaults());
  if (!all.options_) return named;
  for (PQconninfoOption* option = named.options_.get(); option->keyword; ++option) {
    if (!option->val) continue;
    for (PQconninfoOption* full = all.options_.get(); full->keyword; ++full) {
      if (std::strcmp(full->keyword, option->keyword) != 0) continue;
      std::free(full->val);
      full->val = strdup(option->val);
    }
  }
  return all;
}

std::vector<std::string> Conninfo::parameters() {
  std::vector<std::string> names;
  // Not PQconndefaults: it gives nothing where PGSERVICE names a service that there is not.
  const Conninfo all(PQconninfoParse("", nullptr));
  for (const PQconninfoOption* option = all.options_.get(); option && option->keyword; ++option)
    names.emplace_back(option->keyword);
  return names;
}

std::string_view Conninfo::value(std::string_view keyword) const {
  for (const PQconninfoOption* option = options_.get(); option->keyword; ++option)
    if (keyword == option->keyword) return option->val ? option->val : std::string_view();
  return {};
}

std::chrono::seconds Conninfo::connect_timeout() const {
  const std::string_view text = value("connect_timeout");
  int seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (text.empty() || error != std::errc() || seconds < 0) return kDefaultConnectTimeout;
  // 0 is libpq's "for ever"; 2 its least.
  return seconds == 0 ? std::chrono::hours(24) : std::chrono::seconds(std::max(seconds, 2));
}

std::string describe_database(const std::string& conninfo) {
  const auto options = Conninfo::parse(conninfo);
  if (!options) return "a database URL that cannot be read";
  std::string_view host = options->value("host");
  if (host.empty()) host = options->value("hostaddr");
  if (host.empty()) host = "local socket";
  const std::string_view port = options->value("port");
  const std::string_view user = options->value("user");
  const std::string_view database = options->value("dbname");
  return fmt::format("{} at {}{}{} as {}", database.empty() ? user : database, host,
                     port.empty() || host.starts_with('/') ? "" : ":",
                     host.starts_with('/') ? "" : port, user);
}

}  // namespace forkdex
