#include "supervisor/answer/hit.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/glob.h"
#include "common/base/path_text.h"
#include "common/base/terminal_text.h"

namespace forkdex {
namespace {

std::string hit_line(const Hit& hit, bool several_repositories) {
  std::string line;
  if (several_repositories) line = printable(hit.repository) + ": ";
  line += fmt::format("{}:{}", printable(hit.path), hit.definition_line);
  const std::string& name = hit.qualified_name.empty() ? hit.name : hit.qualified_name;
  return line + fmt::format("  {}  {:.3f}\n", printable(name.empty() ? hit.kind : name), hit.score);
}

}  // namespace

Hit hit_of(const PgRows& rows, int row) {
  Hit hit;
  hit.repository = rows.text(row, 0);
  hit.path = rows.text(row, 1);
  hit.name = rows.text(row, 2);
  hit.qualified_name = rows.text(row, 3);
  hit.kind = rows.text(row, 4);
  hit.start_line = rows.integer(row, 5);
  hit.end_line = rows.integer(row, 6);
  hit.definition_line = rows.integer(row, 7);
  hit.chunk_id = rows.integer(row, 8);
  return hit;
}

Place place_of(const Hit& hit) {
  return {hit.repository, hit.path, hit.definition_line,
          hit.qualified_name.empty() ? hit.name : hit.qualified_name};
}

bool path_matches(const std::string& glob, std::string_view escaped) {
  const std::optional<std::string> raw = unescape_path(escaped);
  return glob_match(glob, raw ? std::string_view(*raw) : escaped);
}

void sort_hits(std::vector<Hit>& hits) {
  std::sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) {
    return std::tie(b.score, a.repository, a.path, a.start_line, a.name) <
           std::tie(a.score, b.repository, b.path, b.start_line, b.name);
  });
}

std::string hits_text(const std::vector<Hit>& hits) {
  const bool several = std::any_of(hits.begin(), hits.end(), [&](const Hit& hit) {
    return hit.repository != hits.front().repository;
  });
  std::string text;
  for (const Hit& hit : hits) text += hit_line(hit, several);
  return text;
}

std::string hits_json(const std::vector<Hit>& hits) {
  using Json = nlohmann::ordered_json;
  Json results = Json::array();
  for (const Hit& hit : hits)
    results.push_back({{"path", hit.path},
                       {"name", hit.name},
                       {"kind", hit.kind},
                       {"start_line", hit.start_line},
                       {"end_line", hit.end_line},
                       {"definition_line", hit.definition_line},
                       {"score", std::round(hit.score * 1e6) / 1e6},
                       {"repository", hit.repository}});
  const Json answer = {{"results", std::move(results)}};
  return answer.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace forkdex
