-- The model that every chunk has its vector of, null while that is not known: what another model
-- computed for these chunks is not needed for them.

ALTER TABLE forkdex.repositories ADD COLUMN code_model integer;
