#include "supervisor/repository/remote_url.h"

#include <algorithm>
#include <cstddef>

namespace forkdex {

std::string without_secrets(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) {
    // host:path has its colon before any '/'; all else is a path.
    const std::size_t colon = url.find(':', url.rfind('@', url.find('/')) + 1);
    if (colon == std::string_view::npos || url.find('/') < colon) return std::string(url);
    const std::size_t at = url.rfind('@', colon);
    return std::string(at == std::string_view::npos ? url : url.substr(at + 1));
  }
  const std::size_t begin = scheme + 3;
  if (url.starts_with("http")) url = url.substr(0, url.find_first_of("?#", begin));
  const std::size_t end = std::min(url.find_first_of("/?#", begin), url.size());
  const std::size_t at = url.substr(0, end).rfind('@');
  const std::size_t host = at == std::string_view::npos || at < begin ? begin : at + 1;
  return std::string(url.substr(0, begin)) + std::string(url.substr(host));
}

}  // namespace forkdex
