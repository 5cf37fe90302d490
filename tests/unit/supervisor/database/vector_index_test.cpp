#include "supervisor/database/vector_index.h"

#include <catch2/catch.hpp>
#include <string>

#include "common/pg/advisory_lock.h"
#include "supervisor/database/schema.h"
#include "supervisor/database/vectors.h"
#include "tests/unit/supervisor/database/ledger_fixture.h"

namespace forkdex {
namespace {

using test::connect;
using test::fresh_database;
using test::model;
using test::must_run;

TEST_CASE("vector index: many vectors and none yet -> built, and queries use it", "[postgres]") {
  PgConnection connection = connect(fresh_database("ledger_index"));
  const auto id = model_id(connection, model());
  REQUIRE(id.ok());
  must_run(connection, "INSERT INTO forkdex.vectors SELECT " + std::to_string(*id) +
                           ", sha256(n::text::bytea), format('[%s,1,%s,0]', n, n % 7)::halfvec "
                           "FROM generate_series(1, 500) n");
  const auto unneeded = unindexed_models(connection, 500);
  REQUIRE(unneeded.ok());
  CHECK(unneeded->empty());  // of no repository: a run may be about to collect them
  must_run(connection,
           "INSERT INTO forkdex.repositories (name, root, code_model, text_model) "
           "SELECT 'r', '/r', id, id FROM forkdex.models");
  const std::int64_t others[] = {*id + 1};
  CHECK(unindexed_models(connection, 500, others)->empty());
  const auto few = unindexed_models(connection, 501);
  REQUIRE(few.ok());
  CHECK(few->empty());
  const auto enough = unindexed_models(connection, 500);
  REQUIRE(enough.ok());
  REQUIRE(enough->size() == 1);
  CHECK(enough->front().id == *id);
  CHECK(enough->front().name == model().name);
  CHECK(enough->front().dimension == 4);
  CHECK(enough->front().vectors == 500);
  CHECK_FALSE(*has_vector_index(connection, *id));

  // An older program has built one of its own since this one dropped those.
  must_run(connection, "CREATE INDEX vectors_hnsw_" + std::to_string(*id) +
                           " ON forkdex.vectors USING hnsw ((embedding::halfvec(4)) "
                           "halfvec_cosine_ops) WHERE model_id = " +
                           std::to_string(*id));
  const auto built = build_vector_index(connection, enough->front());
  REQUIRE((built.ok() ? "" : built.error().text()) == "");
  CHECK(built->has_value());
  CHECK(*has_vector_index(connection, *id));
  CHECK(unindexed_models(connection, 1)->empty());
  CHECK(must_run(connection, "SELECT count(*) FROM pg_indexes WHERE indexname LIKE 'vectors_hnsw%'")
            .integer(0, 0) == 0);

  must_run(connection, "SET enable_seqscan = off; SET enable_sort = off");
  const PgRows plan =
      must_run(connection, "EXPLAIN SELECT content_hash FROM forkdex.vectors WHERE model_id = " +
                               std::to_string(*id) + " ORDER BY " + vector_signs("embedding", 4) +
                               " <~> " + vector_signs("'[1,2,3,4]'::halfvec", 4) + " LIMIT 5");
  std::string text;
  for (int row = 0; row < plan.size(); ++row) text += std::string(plan.text(row, 0)) + "\n";
  CHECK(text.find("vectors_signs_") != std::string::npos);
}

TEST_CASE("vector index: while another process builds it -> nothing, and no wait", "[postgres]") {
  const std::string url = fresh_database("vector_index_busy");
  PgConnection connection = connect(url);
  PgConnection other = connect(url);
  must_run(other, "SELECT pg_advisory_lock(" + std::to_string(kIndexBuild) + ", 0)");
  const auto built = build_vector_index(connection, {1, "", 4, 0});
  REQUIRE(built.ok());
  CHECK_FALSE(built->has_value());
  CHECK_FALSE(*has_vector_index(connection, 1));
}

TEST_CASE("vector index: an index over the vectors of an older version -> dropped by migration",
          "[postgres]") {
  PgConnection connection = connect(fresh_database("vector_index_older"));
  must_run(connection,
           "CREATE INDEX vectors_hnsw_7 ON forkdex.vectors USING hnsw "
           "((embedding::halfvec(4)) halfvec_cosine_ops) WHERE model_id = 7;"
           "DELETE FROM forkdex.schema_version WHERE version >= 13");
  REQUIRE(prepare_schema(connection).ok());
  CHECK(must_run(connection, "SELECT count(*) FROM pg_indexes WHERE indexname = 'vectors_hnsw_7'")
            .integer(0, 0) == 0);
}

}  // namespace
}  // namespace forkdex
