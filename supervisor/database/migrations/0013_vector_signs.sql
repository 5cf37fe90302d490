-- The vector index is over signs now (docs/database.md); nothing uses the older one, and every insert
-- would pay for it.

DO $$
DECLARE
    index_name text;
BEGIN
    FOR index_name IN SELECT indexname FROM pg_indexes
        WHERE schemaname = 'forkdex' AND indexname LIKE 'vectors\_hnsw\_%'
    LOOP
        EXECUTE format('DROP INDEX forkdex.%I', index_name);
    END LOOP;
END
$$;
