-- Runs that see to a part of a repository only, side by side with others.

ALTER TABLE forkdex.runs
    ADD COLUMN shard    text,                            -- "2/4", null for a run over all files
    ADD COLUMN narrowed boolean NOT NULL DEFAULT false,  -- to a list of files
    ADD COLUMN head     text;                            -- the commit it indexed
