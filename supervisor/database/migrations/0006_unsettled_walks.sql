-- Whether commits may be stored that walked_head does not reach: a walk writes them as it goes, and
-- may be killed before it is settled what HEAD reaches.

ALTER TABLE forkdex.repositories ADD COLUMN walk_unsettled boolean NOT NULL DEFAULT false;

-- Nothing says how the walks before this column ended.
UPDATE forkdex.repositories r SET walk_unsettled = true
WHERE EXISTS (SELECT FROM forkdex.commits c WHERE c.repository_id = r.id);
