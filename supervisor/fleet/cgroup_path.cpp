#include "supervisor/fleet/cgroup_path.h"

#include <algorithm>
#include <string>

namespace forkdex {

namespace fs = std::filesystem;

std::optional<fs::path> own_cgroup(std::string_view table, std::string_view controller) {
  for (std::size_t from = 0; from < table.size();) {
    const std::size_t end = std::min(table.find('\n', from), table.size());
    const std::string_view line = table.substr(from, end - from);
    from = end + 1;
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string list = ',' + std::string(line.substr(first + 1, second - first - 1)) + ',';
    if (list.find(',' + std::string(controller) + ',') == std::string::npos) continue;
    return fs::path(line.substr(second + 1)).relative_path();
  }
  return std::nullopt;
}

}  // namespace forkdex
