#include "supervisor/database/texts.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include <fmt/format.h>

namespace forkdex {
namespace {

/// Where the texts of a source stand: a table, and what of it holds them.
struct Place {
  std::string_view table;
  std::string_view hash;  // column
  std::string_view text;  // column
};

Place place_of(TextSource source) {
  switch (source) {
    case TextSource::kCode:
      return {"chunks", "content_hash", "source"};
    case TextSource::kText:
      return {"chunks", "text_hash", "text_view"};
    case TextSource::kMessage:
      break;
  }
  return {"commits", "content_hash", "message"};
}

/// Whether `shard` holds what is hashed in `column`: Shard::holds in SQL, in two halves of the
/// number, which has no sign.
std::string shard_condition(const Shard& shard, std::string_view column) {
  const auto half = [&](int from) {
    return fmt::format("('x' || encode(substr({}, {}, 4), 'hex'))::bit(32)::bigint", column, from);
  };
  return fmt::format(" AND ({0} % {2} * {3} + {1}) % {2} = {4}", half(1), half(5), shard.count,
                     (std::uint64_t{1} << 32) % shard.count, shard.number - 1);
}

std::string path_condition(const std::vector<Sha256>& path_hashes) {
  std::string condition = " AND t.path_hash = ANY ('{";
  for (std::size_t i = 0; i < path_hashes.size(); ++i) {
    if (i > 0) condition += ',';
    condition += "\"\\\\x" + hex(path_hashes[i]) + '"';
  }
  return condition + "}'::bytea[])";
}

/// The rows of `source` that `scope` is about, as table t.
std::string rows_of(const TextScope& scope, TextSource source) {
  const Place place = place_of(source);
  const bool is_chunk = source != TextSource::kMessage;
  std::string rows = fmt::format("forkdex.{} t", place.table);
  std::string conditions =
      fmt::format(" WHERE t.repository_id = {} AND t.{} IS NOT NULL AND t.{} IS NOT NULL",
                  scope.repository_id, place.hash, place.text);
  if (is_chunk && scope.after_chunk > 0)
    conditions += fmt::format(" AND t.id > {}", scope.after_chunk);
  if (scope.shard && scope.shard->count > 1)
    conditions += shard_condition(*scope.shard, is_chunk ? std::string("t.path_hash")
                                                         : fmt::format("sha256(t.{})", place.hash));
  if (is_chunk && scope.path_hashes) conditions += path_condition(*scope.path_hashes);
  return rows + conditions;
}

std::string in_table(std::string_view table, std::int64_t model_id, std::string_view hash) {
  return fmt::format(
      "EXISTS (SELECT FROM forkdex.{} x WHERE x.model_id = {} AND x.content_hash = {})", table,
      model_id, hash);
}

std::vector<TextSource> sources_of(const TextScope& scope) {
  std::vector<TextSource> sources;
  for (const TextSource source : kTextSources)
    if (scope.model_id(source) != 0) sources.push_back(source);
  return sources;
}

/// The texts of `source` without a vector, and when what has them was last touched.
std::string missing_statement(const TextScope& scope, TextSource source) {
  const Place place = place_of(source);
  const std::int64_t model_id = scope.model_id(source);
  const bool is_chunk = source != TextSource::kMessage;
  const std::string hash = fmt::format("t.{}", place.hash);
  const char* const touched =
      is_chunk ? "(SELECT coalesce(extract(epoch FROM k.authored_at), f.mtime_ns / 1e9) "
                 " FROM forkdex.files f LEFT JOIN forkdex.commits k "
                 "  ON k.repository_id = f.repository_id AND k.oid = f.last_commit "
                 " WHERE f.repository_id = t.repository_id AND f.path_hash = t.path_hash)"
               : "extract(epoch FROM t.authored_at)";
  return fmt::format(
      "SELECT {0} AS source, {1} AS hash, max(octet_length(t.{2})) AS bytes, max({3}) AS touched "
      "FROM {4} AND NOT {5} AND NOT {6} GROUP BY {1}",
      static_cast<int>(source), hash, place.text, touched, rows_of(scope, source),
      in_table("vectors", model_id, hash), in_table("refused_texts", model_id, hash));
}

/// Reads "0\t<hex>\t123".
std::optional<MissingText> read_missing(std::string_view line) {
  const std::size_t first = line.find('\t');
  const std::size_t second = line.find('\t', first + 1);
  if (first != 1 || second == std::string_view::npos) return std::nullopt;
  MissingText text;
  text.source = static_cast<TextSource>(line[0] - '0');
  const std::string bytes =
      bytes_from_bytea("\\x" + std::string(line.substr(first + 1, second - first - 1)));
  if (bytes.size() != text.hash.size()) return std::nullopt;
  std::ranges::copy(bytes, text.hash.begin());
  std::from_chars(line.data() + second + 1, line.data() + line.size(), text.bytes);
  return text;
}

}  // namespace

std::int64_t TextScope::model_id(TextSource source) const {
  switch (source) {
    case TextSource::kCode:
      return model_ids.code;
    case TextSource::kText:
      return model_ids.text;
    case TextSource::kMessage:
      break;
  }
  return message_model_id;
}

std::set<std::int64_t> TextScope::models() const {
  std::set<std::int64_t> models = {model_ids.code, model_ids.text, message_model_id};
  models.erase(0);
  return models;
}

Result<void> for_each_missing_text(PgConnection& connection, const TextScope& scope,
                                   const std::function<void(const MissingText&)>& visit) {
  const std::vector<TextSource> sources = sources_of(scope);
  if (sources.empty()) return {};
  std::string texts;
  for (const TextSource source : sources)
    texts += (texts.empty() ? "" : " UNION ALL ") + missing_statement(scope, source);
  return connection.copy_out(
      fmt::format("COPY (SELECT source, encode(hash, 'hex'), bytes FROM ({}) m "
                  "ORDER BY source = {}, touched DESC NULLS LAST, hash) TO STDOUT",
                  texts, static_cast<int>(TextSource::kMessage)),
      [&](std::string_view line) {
        if (const auto text = read_missing(line)) visit(*text);
      });
}

namespace {

/// The sum over the sources in `scope` of what `statement` counts.
Result<std::uint64_t> sum(PgConnection& connection, const TextScope& scope,
                          const std::function<std::string(TextSource)>& statement) {
  std::uint64_t count = 0;
  for (const TextSource source : sources_of(scope)) {
    const auto row = connection.run(statement(source));
    if (!row) return row.error();
    count += static_cast<std::uint64_t>(row->integer(0, 0));
  }
  return count;
}

}  // namespace

Result<std::uint64_t> count_all_texts(PgConnection& connection, const TextScope& scope) {
  return sum(connection, scope, [&](TextSource source) {
    return fmt::format("SELECT count(*) FROM (SELECT DISTINCT t.{} FROM {}) d",
                       place_of(source).hash, rows_of(scope, source));
  });
}

Result<std::uint64_t> count_missing_texts(PgConnection& connection, const TextScope& scope) {
  return sum(connection, scope, [&](TextSource source) {
    return fmt::format("SELECT count(*) FROM ({}) m", missing_statement(scope, source));
  });
}

Result<std::uint64_t> count_refused_texts(PgConnection& connection, const TextScope& scope) {
  return sum(connection, scope, [&](TextSource source) {
    return fmt::format(
        "SELECT count(*) FROM forkdex.refused_texts r WHERE r.model_id = {} "
        "AND EXISTS (SELECT FROM {} AND t.{} = r.content_hash) AND NOT {}",
        scope.model_id(source), rows_of(scope, source), place_of(source).hash,
        in_table("vectors", scope.model_id(source), "r.content_hash"));
  });
}

Result<TextCounts> count_texts(PgConnection& connection, const TextScope& scope) {
  const auto total = count_all_texts(connection, scope);
  if (!total) return total.error();
  const auto missing = count_missing_texts(connection, scope);
  if (!missing) return missing.error();
  const auto refused = count_refused_texts(connection, scope);
  if (!refused) return refused.error();
  return TextCounts{*total, *missing, *refused};
}

Result<std::optional<TextCounts>> noted_texts(PgConnection& connection,
                                              const std::string& repository) {
  const auto row = connection.run(
      "SELECT coalesce(sum(texts_total), 0)::bigint, coalesce(sum(texts_missing), 0)::bigint, "
      "count(*) - count(texts_missing) FROM forkdex.repositories WHERE $1 IN ('', name)",
      {repository});
  if (!row) return row.error();
  if (row->integer(0, 2) > 0) return std::optional<TextCounts>();
  return std::optional(TextCounts{static_cast<std::uint64_t>(row->integer(0, 0)),
                                  static_cast<std::uint64_t>(row->integer(0, 1)), 0});
}

Result<void> refuse_text(PgConnection& connection, std::int64_t model_id,
                         const TextRefusal& refusal) {
  const auto done = connection.run(
      "INSERT INTO forkdex.refused_texts (model_id, content_hash, reason, detail, refused_limit, "
      "attempts) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (model_id, content_hash) DO UPDATE "
      "SET "
      "reason = excluded.reason, detail = excluded.detail, "
      "refused_limit = excluded.refused_limit, attempts = excluded.attempts",
      {std::to_string(model_id), bytea_text(bytes_of(refusal.hash)), refusal.reason, refusal.detail,
       std::to_string(refusal.limit), std::to_string(refusal.attempts)});
  return done ? Result<void>() : done.error();
}

std::string refused_chunks(std::int64_t repository_id, std::string_view model_ids) {
  return fmt::format(
      "SELECT DISTINCT c.path, r.reason, format('lines %s to %s have no vector: %s', c.start_line, "
      " c.end_line, coalesce(r.detail, '')) AS detail, r.attempts "
      "FROM forkdex.refused_texts r JOIN forkdex.chunks c "
      " ON r.content_hash IN (c.content_hash, c.text_hash) "
      "WHERE c.repository_id = {} AND r.model_id = ANY ({}) AND NOT EXISTS (SELECT FROM "
      " forkdex.vectors v WHERE v.model_id = r.model_id AND v.content_hash = r.content_hash)",
      repository_id, model_ids);
}

Result<void> forget_refused_texts(PgConnection& connection, const TextScope& scope,
                                  const TextLimits& limits) {
  std::string lifted = "true";
  if (!limits.lift_all)
    lifted = fmt::format(
        "(r.reason = 'timed_out' AND r.refused_limit < {} "
        "OR r.reason = 'out_of_memory' AND r.refused_limit < {})",
        limits.seconds, limits.memory_bytes);
  for (const TextSource source : sources_of(scope)) {
    const auto done = connection.run(fmt::format(
        "WITH gone AS (DELETE FROM forkdex.refused_texts r WHERE r.model_id = {} AND {} "
        " AND EXISTS (SELECT FROM {} AND t.{} = r.content_hash) RETURNING r.content_hash) "
        "UPDATE forkdex.repositories p SET code_model = NULL, text_model = NULL, "
        " messages_model = NULL WHERE "
        "EXISTS (SELECT FROM gone g JOIN forkdex.chunks c USING (content_hash) "
        "  WHERE c.repository_id = p.id) "
        "OR EXISTS (SELECT FROM gone g JOIN forkdex.chunks c ON c.text_hash = g.content_hash "
        "  WHERE c.repository_id = p.id) "
        "OR EXISTS (SELECT FROM gone g JOIN forkdex.commits k USING (content_hash) "
        "  WHERE k.repository_id = p.id)",
        scope.model_id(source), lifted, rows_of(scope, source), place_of(source).hash));
    if (!done) return done.error();
  }
  return {};
}

}  // namespace forkdex
