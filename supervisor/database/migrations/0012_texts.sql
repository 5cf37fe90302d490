-- Vectors follow the chunks: what a model is to read stands with the chunk, and a run says how many
-- texts have no vector yet.

ALTER TABLE forkdex.chunks ADD COLUMN text_view text;            -- null where text_hash is

ALTER TABLE forkdex.repositories
    ADD COLUMN texts_total   bigint,         -- distinct texts, by source and model; null: not counted
    ADD COLUMN texts_missing bigint;         -- of them without a vector, as the last run saw them
-- Until now a file came with its vectors. How many texts there are, the next run counts.
UPDATE forkdex.repositories SET texts_missing = 0 WHERE code_model > 0 OR text_model > 0;

ALTER TABLE forkdex.runs
    ADD COLUMN code_model integer,           -- that its texts are for, 0 where the view is off
    ADD COLUMN text_model integer,
    ADD COLUMN files_done boolean NOT NULL DEFAULT false;  -- every file had its state at the end
UPDATE forkdex.runs SET files_done = true WHERE status = 'complete';

ALTER TABLE forkdex.refused_texts
    ADD COLUMN refused_limit bigint NOT NULL DEFAULT 0,    -- as files.refused_limit; 0: none was met
    ADD COLUMN attempts integer NOT NULL DEFAULT 0;
