#include "supervisor/settings/database_url.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "common/base/path_text.h"
#include "common/pg/conninfo.h"
#include "common/pg/url.h"
#include "supervisor/settings/edit_distance.h"

namespace forkdex {
namespace {

constexpr std::string_view kSchemeEnd = "://";

bool has_our_scheme(std::string_view url) {
  return url.starts_with("postgresql://") || url.starts_with("postgres://");
}

/// The parameters of `url`, NAME=VALUE each. None where the text that follows the host may be a
/// part of a password that was not percent-encoded.
std::vector<std::string_view> parameters_of(std::string_view url) {
  url.remove_prefix(url.find(kSchemeEnd) + kSchemeEnd.size());
  const std::size_t path = std::min(url.find_first_of("/?"), url.size());
  if (url.find('@', path) != std::string_view::npos) return {};
  const std::size_t start = url.find('?', path);
  if (start == std::string_view::npos) return {};
  std::vector<std::string_view> parameters;
  for (std::string_view rest = url.substr(start + 1);;) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    parameters.push_back(rest.substr(0, end));
    if (end == rest.size()) return parameters;
    rest.remove_prefix(end + 1);
  }
}

/// A parameter that libpq does not know.
struct Unknown {
  std::string_view name;
  std::string nearest;  ///< the one that may have been meant; empty for none
};

std::string nearest_parameter(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::string nearest;
  std::size_t least = kMostSlips + 1;
  for (const std::string& known : Conninfo::parameters()) {
    const std::size_t distance = edit_distance(lower, known);
    if (distance >= least) continue;
    nearest = known;
    least = distance;
  }
  return nearest;
}

std::optional<Unknown> unknown_parameter(std::string_view url) {
  const std::vector<std::string> known = Conninfo::parameters();
  bool secret_before = false;
  for (const std::string_view parameter : parameters_of(url)) {
    const std::string_view name = parameter.substr(0, parameter.find('='));
    // A name that is spelt with percent signs is libpq's to decode.
    const bool is_known = std::find(known.begin(), known.end(), name) != known.end() ||
                          parameter == "ssl=true" || name.find('%') != std::string_view::npos;
    if (!is_known) {
      // It may be what follows an '&' of the password.
      if (secret_before || name.empty() || name.size() == parameter.size()) return std::nullopt;
      return Unknown{name, nearest_parameter(name)};
    }
    secret_before = name == "password" || name == "sslpassword";
  }
  return std::nullopt;
}

}  // namespace

bool set_database_url(Settings& settings, const std::vector<std::string>& values) {
  const std::string url = without_driver(values.back());
  if (!url.empty() && (!has_our_scheme(url) || !Conninfo::parse(url))) return false;
  settings.database_url = url;
  return true;
}

std::string fault_of_database_url(const std::vector<std::string>& values) {
  const std::string url = without_driver(values.back());
  if (!has_our_scheme(url))
    return "must be a postgresql:// URL, or empty for the embedded database";
  const std::optional<Unknown> unknown = unknown_parameter(url);
  if (!unknown)
    return "must be a postgresql:// URL that libpq can read: percent-encode what is special in its "
           "user, password and parameters";
  std::string fault =
      fmt::format("has the unknown parameter \"{}\"", display_path(std::string(unknown->name)));
  if (unknown->nearest.empty()) return fault + "; remove it, or give one that libpq knows";
  return fault + fmt::format("; did you mean \"{}\"?", unknown->nearest);
}

}  // namespace forkdex
