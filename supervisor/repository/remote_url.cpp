#include "supervisor/repository/remote_url.h"

#include <algorithm>
#include <cstddef>

namespace forkdex {
namespace {

/// `user@host:path`; all without a ':' before the first '/' is a path.
std::string_view without_scp_user(std::string_view address) {
  const std::string_view head = address.substr(0, address.find('/'));
  const std::size_t colon = head.rfind(':');
  if (colon == std::string_view::npos) return address;
  return address.substr(head.rfind('@', colon) + 1);  // npos + 1 is 0
}

}  // namespace

std::string remote_without_secrets(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(without_scp_user(url));
  const std::size_t begin = scheme + 3;
  if (url.starts_with("http")) url = url.substr(0, url.find_first_of("?#", begin));
  const std::string_view authority = url.substr(begin, url.find_first_of("/?#", begin) - begin);
  const std::size_t userinfo = authority.rfind('@') + 1;  // 0 where there is none
  return std::string(url.substr(0, begin)).append(url.substr(begin + userinfo));
}

}  // namespace forkdex
