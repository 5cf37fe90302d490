-- The word index (common/words/word_segment.h): of a range of chunk ids, for each word the chunks that
-- have it. Chunks in no range are searched by their lexemes.

CREATE INDEX chunks_of_repository ON forkdex.chunks (repository_id, id);

CREATE TABLE forkdex.word_segments (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repository_id integer NOT NULL REFERENCES forkdex.repositories ON DELETE CASCADE,
    first_chunk   bigint NOT NULL,           -- ids that it covers, inclusive
    last_chunk    bigint NOT NULL,
    chunks        integer NOT NULL,          -- that it was made of; some may be gone
    words         bigint NOT NULL,           -- of all of them together
    bits          smallint NOT NULL,         -- a word is in one of 2^bits buckets
    documents     bytea NOT NULL,            -- the chunks' ids and lengths
    UNIQUE (repository_id, first_chunk)
);

CREATE TABLE forkdex.word_postings (
    segment_id bigint NOT NULL REFERENCES forkdex.word_segments ON DELETE CASCADE,
    bucket     integer NOT NULL,
    postings   bytea NOT NULL,
    PRIMARY KEY (segment_id, bucket)
);
-- They do not compress, and are read as a whole.
ALTER TABLE forkdex.word_postings ALTER COLUMN postings SET STORAGE EXTERNAL;
ALTER TABLE forkdex.word_segments ALTER COLUMN documents SET STORAGE EXTERNAL;
