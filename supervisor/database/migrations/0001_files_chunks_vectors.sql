-- Repositories, their files and chunks, and the vectors of distinct texts.
-- docs/database.md says what others may rely on.

CREATE TABLE forkdex.repositories (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    root        text NOT NULL,
    remote      text,                        -- without userinfo
    root_commit text,
    head        text,
    indexed_at  timestamptz
);

CREATE TABLE forkdex.files (
    repository_id integer NOT NULL REFERENCES forkdex.repositories ON DELETE CASCADE,
    path_hash     bytea NOT NULL,            -- sha256 of the path's bytes: a long path fits no index
    path          text NOT NULL,             -- bytes that are not UTF-8 as \xHH, backslash as \\
    raw_path      bytea,                     -- the path's bytes where `path` is not just those
    content_hash  bytea,                     -- sha256 of the bytes on disk
    blob_oid      text,
    language      text,
    state         text NOT NULL
                  CHECK (state IN ('indexed', 'empty', 'skipped', 'failed', 'quarantined')),
    reason        text,
    detail        text,
    attempts      integer NOT NULL DEFAULT 0,
    chunk_count   integer NOT NULL DEFAULT 0,
    bytes         bigint NOT NULL DEFAULT 0,
    last_commit   text,
    recipe        text,
    indexed_at    timestamptz NOT NULL DEFAULT now(),
    -- what lstat said when the file was listed; inode and size are unsigned, stored bit by bit
    size          bigint NOT NULL DEFAULT 0,
    mtime_ns      bigint NOT NULL DEFAULT 0,
    ctime_ns      bigint NOT NULL DEFAULT 0,
    inode         bigint NOT NULL DEFAULT 0,
    seen_at_ns    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (repository_id, path_hash)
);
CREATE INDEX files_refused ON forkdex.files (repository_id)
    WHERE state IN ('skipped', 'failed', 'quarantined');

-- No foreign key to files: who writes a file's row replaces its chunks in the same transaction,
-- and a check a chunk would cost as much as the insert.
CREATE TABLE forkdex.chunks (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repository_id   integer NOT NULL,
    path_hash       bytea NOT NULL,
    path            text NOT NULL,
    ordinal         integer NOT NULL,
    kind            text NOT NULL,
    name            text NOT NULL,
    qualified_name  text NOT NULL,
    parent          text NOT NULL,
    signature       text NOT NULL,
    docstring       text NOT NULL,
    start_line      integer NOT NULL,
    end_line        integer NOT NULL,
    definition_line integer NOT NULL,
    start_byte      bigint NOT NULL,
    end_byte        bigint NOT NULL,
    source          text NOT NULL,
    content_hash    bytea NOT NULL,          -- sha256 of the code view: the source
    text_hash       bytea,                   -- sha256 of the text view, null without one
    metadata        jsonb NOT NULL,
    lexemes         tsvector,
    UNIQUE (repository_id, path_hash, ordinal)
);
CREATE INDEX chunks_content_hash ON forkdex.chunks (content_hash);
CREATE INDEX chunks_text_hash ON forkdex.chunks (text_hash) WHERE text_hash IS NOT NULL;

CREATE TABLE forkdex.models (
    id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL,
    architecture text NOT NULL,
    dimension    integer NOT NULL,
    fingerprint  bytea NOT NULL UNIQUE
);

CREATE TABLE forkdex.vectors (
    model_id     integer NOT NULL REFERENCES forkdex.models,
    content_hash bytea NOT NULL,             -- sha256 of the text that was embedded
    embedding    halfvec NOT NULL,
    PRIMARY KEY (model_id, content_hash)
);
-- Vectors do not compress, and fetching each from a side table would double an exact scan.
ALTER TABLE forkdex.vectors ALTER COLUMN embedding SET STORAGE PLAIN;

CREATE TABLE forkdex.runs (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repository_id integer NOT NULL REFERENCES forkdex.repositories ON DELETE CASCADE,
    started_at    timestamptz NOT NULL DEFAULT now(),
    finished_at   timestamptz,
    status        text NOT NULL DEFAULT 'running'
                  CHECK (status IN ('running', 'complete', 'partial', 'interrupted')),
    report        jsonb
);
CREATE INDEX runs_of_repository ON forkdex.runs (repository_id, id);
