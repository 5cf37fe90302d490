-- Commits, the last commit of every file, and what was walked of a history.

CREATE TABLE forkdex.commits (
    repository_id integer NOT NULL REFERENCES forkdex.repositories ON DELETE CASCADE,
    oid           text NOT NULL,
    author        text NOT NULL,             -- "Name <address>"
    authored_at   timestamptz NOT NULL,
    message       text NOT NULL,
    files         text[] NOT NULL,           -- changed against every parent; the first 10,000
    file_count    integer NOT NULL,          -- all of them
    content_hash  bytea,                     -- sha256 of the message, null for an empty one
    PRIMARY KEY (repository_id, oid)
);
CREATE INDEX commits_content_hash ON forkdex.commits (content_hash);

-- Texts over which a model has ended one worker after the other.
CREATE TABLE forkdex.refused_texts (
    model_id     integer NOT NULL REFERENCES forkdex.models,
    content_hash bytea NOT NULL,
    reason       text NOT NULL,
    detail       text,
    PRIMARY KEY (model_id, content_hash)
);

ALTER TABLE forkdex.repositories
    ADD COLUMN walked_head    text,          -- the head that commits and last_commit are those of
    ADD COLUMN walked_scope   text,          -- the folder and the cut of the history, hashed
    ADD COLUMN messages_model integer;       -- the model that every message has a vector of

-- Whether last_commit is that of walked_head: it is null, too, for a file that no commit has.
ALTER TABLE forkdex.files ADD COLUMN last_commit_known boolean NOT NULL DEFAULT false;
CREATE INDEX files_last_commit_unknown ON forkdex.files (repository_id) WHERE NOT last_commit_known;
