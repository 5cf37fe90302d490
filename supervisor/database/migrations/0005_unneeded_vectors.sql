-- Vectors that no chunk and no commit refers to, and since when: they are kept for a while, because
-- a branch, a revert or another clone may bring their texts back.

CREATE TABLE forkdex.unneeded_vectors (
    model_id     integer NOT NULL,
    content_hash bytea NOT NULL,
    since        timestamptz NOT NULL,
    PRIMARY KEY (model_id, content_hash),
    FOREIGN KEY (model_id, content_hash) REFERENCES forkdex.vectors ON DELETE CASCADE
);

CREATE TABLE forkdex.vector_sweep (swept_at timestamptz NOT NULL);  -- one row
INSERT INTO forkdex.vector_sweep VALUES (now());
