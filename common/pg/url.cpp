#include "common/pg/url.h"

#include <algorithm>
#include <cstddef>

namespace forkdex {
namespace {

constexpr std::string_view kSchemeEnd = "://";

std::string without_userinfo(std::string_view url, std::size_t authority) {
  // The last '@' counts, and '?' and '#' end nothing: a password that should have been
  // percent-encoded may hold any of them, and libpq takes it so.
  const std::size_t end = url.find('/', authority);
  const std::size_t at = url.substr(0, end).rfind('@');
  if (at == std::string_view::npos || at < authority) return std::string(url);
  return std::string(url.substr(0, authority)).append(url.substr(at + 1));
}

void drop_parameter(std::string& url, std::string_view name) {
  // From any '&': the '?' may have gone with what looked like userinfo.
  for (std::size_t at = url.find_first_of("?&"); at != std::string::npos;
       at = url.find_first_of("?&", at + 1)) {
    const std::size_t value = at + 1 + name.size();
    if (url.compare(at + 1, name.size(), name) != 0 || value >= url.size() || url[value] != '=')
      continue;
    url.replace(value + 1, std::min(url.find('&', value), url.size()) - value - 1, "***");
  }
}

}  // namespace

std::string without_secrets(std::string_view url) {
  const std::size_t scheme = url.find(kSchemeEnd);
  if (scheme == std::string_view::npos) return std::string(url);
  std::string shown = without_userinfo(url, scheme + kSchemeEnd.size());
  drop_parameter(shown, "password");
  drop_parameter(shown, "sslpassword");
  return shown;
}

std::string without_driver(std::string_view url) {
  const std::size_t scheme = url.find(kSchemeEnd);
  const std::size_t plus = url.substr(0, scheme).find('+');
  if (scheme == std::string_view::npos || plus == std::string_view::npos) return std::string(url);
  return std::string(url.substr(0, plus)).append(url.substr(scheme));
}

}  // namespace forkdex
